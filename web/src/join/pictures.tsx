// The large picture and up to three small ones. Names stand beside pictures, never on them.
import { say } from "../lib/i18n";
import { Meter } from "../lib/ui/meter";
import { Screen } from "../lib/ui/screen";
import { firstPicture, peer, showMain, state } from "./seat";
import { words } from "./words";

function nameOf(feed: string | null): string {
  if (feed === null) return "";
  if (feed === "program") return words.value.mainProgram;
  const site = state.value?.sites.find((each) => each.id === feed);
  return say(site?.name) || feed;
}

export function Main() {
  const w = words.value;
  const now = state.value;
  const feed = now?.slots[0] ?? null;
  return (
    <figure class="main-picture">
      <div class="fit"><div class="frame">
        <Screen key="main" stream={peer.value.video[0] ?? null} label={nameOf(feed)} onFirstPicture={firstPicture} />
        {feed === null && <span class="veil">{now ? w.noOne : w.waitingPicture}</span>}
      </div></div>
      <figcaption>
        <strong>{nameOf(feed)}</strong>
        <div class="switch" role="group" aria-label={w.mainSwitch}>
          {(["air", "program"] as const).map((each) => (
            <button type="button" key={each} aria-pressed={(now?.main ?? "air") === each} onClick={() => void showMain(each)}>
              {each === "air" ? w.mainAir : w.mainProgram}
            </button>
          ))}
        </div>
      </figcaption>
    </figure>
  );
}

export function Others() {
  const slots = state.value?.slots ?? [];
  return (
    <ul class="others">
      {[1, 2, 3].map((slot) => {
        const feed = slots[slot] ?? null;
        return (
          <li key={slot} class={feed === null ? "empty" : ""}>
            <div class="frame"><Screen stream={peer.value.video[slot] ?? null} label={nameOf(feed)} /></div>
            {feed !== null && <p><span>{nameOf(feed)}</span><Meter source={feed} /></p>}
          </li>
        );
      })}
    </ul>
  );
}
