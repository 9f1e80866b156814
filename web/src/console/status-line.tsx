// The last line of the desk: what is wrong, in one calm sentence, or that nothing is.
import { CircleCheck, Info, RefreshCw, TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import { say } from "../lib/i18n";
import { Icon } from "../lib/ui/icon";
import { lineState, peer, refusal, state } from "./desk";
import { words } from "./words";

export function StatusLine() {
  const w = words.value;
  const warnings = state.value?.warnings ?? [];
  const media = peer.value.state.value;
  if (lineState.value !== "open") return <Said kind="warn" icon={RefreshCw}>{state.value ? w.reconnecting : w.connecting}</Said>;
  if (refusal.value) return <Said kind="refusal" icon={Info}>{say(refusal.value)}</Said>;
  if (media === "failed" || media === "unsteady") return <Said kind="warn" icon={RefreshCw}>{w.mediaLost}</Said>;
  if (!warnings.length) return <Said kind="fine" icon={CircleCheck}>{w.allFine}</Said>;
  return (
    <Said kind="warn" icon={TriangleAlert}>
      <b>{w.warnings(warnings.length)}</b>{warnings.map((each) => <span key={each.code + say(each.text)}>{say(each.text)}</span>)}
    </Said>
  );
}

function Said({ kind, icon, children }: { kind: string; icon: typeof Info; children: ComponentChildren }) {
  return <footer class={`status ${kind}`}><Icon of={icon} /><p role="status">{children}</p></footer>;
}
