// Playing, winding, the clock on the wall, and the link to this moment.
import { useSignal } from "@preact/signals";
import { Check, ChevronFirst, ChevronLast, Link, Pause, Play, RotateCcw, RotateCw } from "lucide";
import { language } from "../lib/i18n";
import { Button } from "../lib/ui/button";
import { copyText } from "../watch/share";
import { day, zoneName } from "../watch/times";
import { extent, moment, offset, rate, setRate, site, skip, sound, stepChapter, stream, wall, zone } from "./desk";
import { writeMoment } from "./moment";
import { words } from "./words";

const RATES = [0.5, 1, 1.25, 1.5, 2];
const SHOWN_MS = 3000;

export function Transport() {
  const w = words.value;
  const playing = stream.value;
  const ready = playing?.phase.value === "ready" || playing?.pictured.value;
  return (
    <div class="transport">
      <div class="row">
        <Button kind="plain" icon={ChevronFirst} aria-label={w.previous} title={w.previous} aria-keyshortcuts="["
          disabled={!ready} onClick={() => stepChapter(-1)} />
        <Button kind="plain" icon={RotateCcw} aria-label={w.back} title={w.back} aria-keyshortcuts="J"
          disabled={!ready} onClick={() => skip(-10)} />
        <Button kind="main" class="play" icon={playing?.playing.value ? Pause : Play} aria-keyshortcuts="Space"
          disabled={!ready} onClick={() => playing?.toggle()}>{playing?.playing.value ? w.pause : w.play}</Button>
        <Button kind="plain" icon={RotateCw} aria-label={w.forward} title={w.forward} aria-keyshortcuts="L"
          disabled={!ready} onClick={() => skip(10)} />
        <Button kind="plain" icon={ChevronLast} aria-label={w.next} title={w.next} aria-keyshortcuts="]"
          disabled={!ready} onClick={() => stepChapter(1)} />
      </div>
      <WallClock />
      <div class="row">
        <label>{w.speed}
          <select value={rate.value} onChange={(event) => setRate(Number(event.currentTarget.value))}>
            {RATES.map((each) => <option key={each} value={each}>{each}×</option>)}
          </select>
        </label>
        <label>{w.sound}
          <select value={sound.value}
            onChange={(event) => (sound.value = event.currentTarget.value as typeof sound.value)}>
            <option value="program">{w.soundProgram}</option>
            {site.value && <option value="site">{w.soundSite}</option>}
            <option value="none">{w.soundNone}</option>
          </select>
        </label>
        <ShareMoment />
      </div>
    </div>
  );
}

function WallClock() {
  const w = words.value;
  const now = moment.value;
  const other = zone.value === "local" ? "utc" : "local";
  const { until } = extent.value;
  return (
    <div class="wall figures">
      <span class="day">{now === null ? "" : day(now, language.value, zone.value)}</span>
      <strong aria-label={w.position}>{now === null ? "--:--:--" : wall(now)}</strong>
      <button type="button" class="zone" title={w.zone} aria-label={`${w.zone}：${zoneName(now ?? Date.now(), zone.value)}`}
        onClick={() => (zone.value = other)}>{zoneName(now ?? Date.now(), zone.value)}</button>
      <span class="quiet offset">{now === null ? "" : `${offset(now)} / ${offset(until)}`}</span>
    </div>
  );
}

function ShareMoment() {
  const w = words.value;
  const done = useSignal<"" | "copied" | "failed">("");
  const share = async () => {
    if (moment.value === null) return;
    const chosen = site.value ? `&site=${encodeURIComponent(site.value)}` : "";
    history.replaceState(null, "", `#${writeMoment(moment.value)}${chosen}`);
    done.value = (await copyText(location.href, null)) ? "copied" : "failed";
    setTimeout(() => (done.value = ""), SHOWN_MS);
  };
  return (
    <>
      <Button icon={done.value === "copied" ? Check : Link} disabled={moment.value === null} onClick={() => void share()}>
        {done.value === "copied" ? w.shared : w.share}
      </Button>
      <span class="only-read" role="status">{done.value === "copied" ? w.shared : ""}</span>
      {done.value === "failed" && <span class="quiet" role="alert">{w.shareFailed}</span>}
    </>
  );
}
