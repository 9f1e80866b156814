// Each output by itself: its state in a word, its retries, and a switch.
import { Circle, CircleCheck, CircleX, LoaderCircle, TriangleAlert } from "lucide";
import { say } from "../lib/i18n";
import type { OutputLine } from "../lib/protocol";
import { Button, ConfirmButton } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { ask, state } from "./desk";
import { words } from "./words";

const signs = { off: Circle, connecting: LoaderCircle, live: CircleCheck, retrying: TriangleAlert, failed: CircleX };

export function Outputs() {
  const w = words.value;
  const outputs = state.value?.outputs ?? [];
  return (
    <section class="panel outputs">
      <h2>{w.outputs}</h2>
      {state.value && !outputs.length && <p class="quiet">{w.noOutputs}</p>}
      <ul>{outputs.map((each) => <Output key={each.name} output={each} />)}</ul>
    </section>
  );
}

function Output({ output }: { output: OutputLine }) {
  const w = words.value;
  const { name, state: how, retries, kbps, kind } = output;
  const more = [retries > 0 && w.retries(retries), how === "live" && kbps > 0 && `${Math.round(kbps)} kb/s`].filter(Boolean).join(" · ");
  return (
    <li class={`output ${how}`} title={say(output.text)}>
      <Icon of={signs[how]} />
      <span class="output-name">{name}</span>
      <span class="output-state">{w[`output_${how}`]}{more && <span class="quiet figures"> {more}</span>}</span>
      {kind !== "hls" && (how === "off"
        ? <Button size="small" kind="plain" onClick={() => void ask({ type: "output", name, on: true })}>{w.start}</Button>
        : <ConfirmButton size="small" kind="plain" again={w.stopAgain} onConfirm={() => void ask({ type: "output", name, on: false })}>{w.stop}</ConfirmButton>)}
    </li>
  );
}
