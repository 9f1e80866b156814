// Between the monitors: is it safe, the take, the layouts, and what undoes or covers it.
import { AudioLines, CircleCheck, Pause, TriangleAlert, Undo2 } from "lucide";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { chooseLayout, slateArmed, slateKey, state, take, toggleAutomatic, undo } from "./desk";
import { objections } from "./guard";
import { LAYOUTS, rectangles } from "./scene";
import { words } from "./words";

export function Switches() {
  const w = words.value;
  const current = state.value;
  return (
    <div class="switches">
      <Safety />
      <div class="takes">
        <button type="button" class="take cut" id="cut" aria-keyshortcuts="Space" onClick={() => void take("cut")}>{w.cut}<kbd aria-hidden="true">{w.space}</kbd></button>
        <button type="button" class="take" id="mix" aria-keyshortcuts="M" onClick={() => void take("mix")}>{w.mix}<kbd aria-hidden="true">M</kbd></button>
      </div>
      <Layouts />
      <Button size="small" icon={Undo2} shortcut="U" disabled={!current?.undo} onClick={() => void undo()}>{w.undo}</Button>
      <Automatic />
      <Button size="small" icon={Pause} class={`slate ${current?.slate ? "on" : ""} ${slateArmed.value ? "armed" : ""}`} shortcut="S"
        pressed={current?.slate ?? false} onClick={slateKey}>
        {slateArmed.value ? w.slateArmed : current?.slate ? w.slateOn : w.slate}
      </Button>
    </div>
  );
}

function Safety() {
  const w = words.value;
  const against = objections.value;
  const text = against[0] ?? w.ready;
  return (
    <p class={`safety ${against.length ? "look" : "ready"}`} role="status" title={against.join("\n")}>
      <Icon of={against.length ? TriangleAlert : CircleCheck} /><span>{text}</span>
    </p>
  );
}

function Automatic() {
  const w = words.value;
  const current = state.value;
  const held = current?.automatic ? current.held : null;
  const text = held ? w.automaticResume : current?.automatic ? w.automaticOn : w.automatic;
  return (
    <Button size="small" icon={AudioLines} shortcut="A" pressed={current?.automatic ?? false} class={held ? "held" : ""}
      title={held ? w.automaticHeld(held.by) : undefined} onClick={toggleAutomatic}>{text}</Button>
  );
}

function Layouts() {
  const w = words.value;
  return (
    <div class="layouts" role="group" aria-label={w.layouts}>
      {LAYOUTS.map((layout) => (
        <button type="button" key={layout} aria-pressed={state.value?.preview.layout === layout} title={w[layout]} aria-label={w[layout]}
          onClick={() => chooseLayout(layout)}>
          <LayoutSign layout={layout} />
        </button>
      ))}
    </div>
  );
}

/** A small drawing of the layout from its own numbers. */
function LayoutSign({ layout }: { layout: (typeof LAYOUTS)[number] }) {
  const places = rectangles(layout, 4);
  return (
    <svg viewBox="-1 -1 34 20" aria-hidden="true">
      {places.map(([x, y, width, height], n) => (
        <rect key={n} x={x * 32} y={y * 18} width={width * 32} height={height * 18} rx="1" class={n && layout === "pip" ? "front" : ""} />
      ))}
    </svg>
  );
}
