// All sites. A tile never changes its place by itself.
import { Hand, Mic, VolumeX } from "lucide";
import { Button, ConfirmButton } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { ask, sites, state, toggleMute } from "./desk";
import { Tile } from "./tile";
import { words } from "./words";

/** Few sites: large pictures; many: as many columns as keep all of them in view. */
function columns(count: number): number {
  if (count <= 8) return 4;
  if (count <= 10) return 5;
  if (count <= 12) return 6;
  return 7;
}

export function Wall() {
  const w = words.value;
  const all = sites.value;
  const there = all.filter((each) => each.present).length;
  const muted = all.filter((each) => each.muted);
  const hands = all.filter((each) => each.hand !== null).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
  return (
    <section class="wall" aria-label={w.wall}>
      <div class="wall-head">
        <h2>{w.wall}</h2>
        <span class="quiet figures">{w.wallCount(there, all.length)}</span>
        {hands.length > 0 && <span class="hands"><Icon of={Hand} />{w.hands(hands.length)}</span>}
        {state.value && there === 0 && <span class="quiet">{w.nobody}</span>}
        <span class="wall-actions">
          {muted.length > 0 && (
            <Button size="small" kind="plain" icon={Mic} onClick={() => muted.forEach((each) => void toggleMute(each))}>{w.unmuteAll(muted.length)}</Button>
          )}
          <ConfirmButton size="small" kind="plain" icon={VolumeX} again={w.muteOthersAgain}
            onConfirm={() => void ask({ type: "mute_all", except: state.value?.on_air.sites ?? [] })}>{w.muteOthers}</ConfirmButton>
        </span>
      </div>
      <ul class="tiles" style={{ "--columns": columns(all.length), "--wide-columns": all.length > 12 ? 8 : columns(all.length) }}>
        {all.map((site, n) => <Tile key={site.id} site={site} number={n + 1} place={hands.indexOf(site) + 1} />)}
      </ul>
    </section>
  );
}
