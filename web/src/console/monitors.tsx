// Preview and program side by side. The preview is composed here from the wall's pictures with
// the program's own numbers.
import { TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import { clock, say } from "../lib/i18n";
import type { Strip } from "../lib/protocol";
import { Icon } from "../lib/ui/icon";
import { Meter } from "../lib/ui/meter";
import { Screen } from "../lib/ui/screen";
import { Tally } from "../lib/ui/tally";
import { now, programStream, siteOf, state, streamOf } from "./desk";
import { rectangles } from "./scene";
import { words } from "./words";

function names(ids: string[]): string {
  return ids.map((id) => say(siteOf(id)?.name) || id).join(" · ");
}

export function PreviewMonitor() {
  const w = words.value;
  const shot = state.value?.preview;
  return (
    <figure class={`monitor ${shot?.sites.length ? "next" : ""}`} id="preview">
      <figcaption>{shot?.sites.length ? <Tally state="next" /> : null}<strong>{w.preview}</strong><span class="what">{shot && names(shot.sites)}</span></figcaption>
      <div class="picture">
        {shot?.sites.length
          ? <Composed layout={shot.layout} sites={shot.sites} />
          : <Empty>{w.nothingPreview}</Empty>}
        {shot?.strip && <NameStrip strip={shot.strip} />}
      </div>
    </figure>
  );
}

function Composed({ layout, sites }: { layout: Parameters<typeof rectangles>[0]; sites: string[] }) {
  return (
    <>
      {rectangles(layout, sites.length).map(([x, y, width, height], n) => {
        const id = sites[n] ?? "";
        const place = { left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` };
        return (
          <div key={id} class="place" style={place}>
            {siteOf(id)?.present
              ? <Screen stream={streamOf(id)} label={names([id])} />
              : <span class="missing"><Icon of={TriangleAlert} />{names([id])}</span>}
          </div>
        );
      })}
    </>
  );
}

export function ProgramMonitor() {
  const w = words.value;
  const current = state.value;
  const onAir = current?.on_air;
  const showing = current && (onAir?.sites.length || current.slate);
  return (
    <figure class={`monitor ${showing ? "air" : ""}`} id="program">
      <figcaption>
        <Tally state={showing ? "air" : "off"} /><strong>{w.program}</strong>
        <span class="what">{current?.slate ? w.slateOnAir : onAir && names(onAir.sites)}</span>
        {onAir && showing && <span class="quiet figures since">{w.onAirFor(clock(now.value - onAir.since))}</span>}
      </figcaption>
      <div class="picture">
        <Screen stream={programStream.value} label={w.program} />
        {current && !showing && <Empty>{w.nothingProgram}</Empty>}
      </div>
      <Meter source="program" label={w.program} />
    </figure>
  );
}

function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Drawn with the sizes of linkup/program/titles.py. */
function NameStrip({ strip }: { strip: Strip }) {
  return <div class={`name-strip ${strip.title ? "" : "alone"}`}><b>{strip.name}</b>{strip.title && <span>{strip.title}</span>}</div>;
}
