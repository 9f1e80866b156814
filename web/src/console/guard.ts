// Is it safe to take? What the operator should know about the preview before it goes on air.
import { computed } from "@preact/signals";
import { say } from "../lib/i18n";
import type { ConsoleSite } from "../lib/protocol";
import { lineState, siteOf, state } from "./desk";
import { words } from "./words";

/** What speaks against a take, in words; empty: nothing does. */
export const objections = computed<string[]>(() => {
  const w = words.value;
  const current = state.value;
  if (!current || lineState.value !== "open") return [w.guardLost];
  if (!current.preview.sites.length) return [w.guardEmpty];
  const found = current.preview.sites.flatMap((id) => {
    const site = siteOf(id);
    return site ? objection(site) : [];
  });
  return found.length ? found : isSame() ? [w.guardSame] : [];
});

function objection(site: ConsoleSite): string[] {
  const w = words.value;
  const name = say(site.name);
  if (!site.present) return [w.guardAbsent(name)];
  if (site.source && site.source !== "live") return [w.guardHeld(name)];
  if (!site.camera) return [w.guardCamera(name)];
  if (site.line.quality === "poor" || site.line.quality === "lost") return [w.guardLine(name)];
  return [];
}

function isSame(): boolean {
  const current = state.value;
  if (!current || current.slate) return false;
  const shape = (shot: { layout: string; sites: string[]; strip: unknown }) => JSON.stringify([shot.layout, shot.sites, shot.strip]);
  return shape(current.on_air) === shape(current.preview);
}
