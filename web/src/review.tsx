// The review page: picture left, words right, lanes below; every item leads to its moment.
import { CircleX } from "lucide";
import { useEffect } from "preact/hooks";
import { language, say } from "./lib/i18n";
import { chosenTheme, mount } from "./lib/page";
import { Icon } from "./lib/ui/icon";
import { Notice } from "./lib/ui/notice";
import { consultation, follow, reading, stale } from "./review/archive";
import { extent, go, site, zone } from "./review/desk";
import { Keys, useKeys } from "./review/keys";
import { Lanes } from "./review/lanes";
import { recordState, type Consultation } from "./review/model";
import { readMoment } from "./review/moment";
import { Others, StateBadge } from "./review/others";
import { Panel } from "./review/panel";
import { Pictures } from "./review/pictures";
import { Transport } from "./review/transport";
import { words } from "./review/words";
import { Frame, startTheme } from "./watch/frame";
import { day, hourMinute, length, size } from "./watch/times";
import "../styles/base.css";
import "../styles/pages.css";
import "../styles/player.css";
import "../styles/review.css";

const begin = readMoment(location.hash);
site.value = new URLSearchParams(location.hash.slice(1)).get("site");

function Review() {
  useKeys();
  useEffect(() => {
    const moved = () => {
      const wanted = readMoment(location.hash);
      if (wanted) go("utc" in wanted ? wanted.utc : extent.value.from + wanted.second * 1000);
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const whole = consultation.value;
  return (
    <Frame wide>
      {reading.value === "ready" && whole ? <Whole whole={whole} /> : <Trouble />}
    </Frame>
  );
}

function Whole({ whole }: { whole: Consultation }) {
  return (
    <div class="reviewing">
      <Head whole={whole} />
      {stale.value && <Notice kind="warn">{words.value.stale}</Notice>}
      <div class="desk">
        <div class="seen">
          <Pictures begin={begin} />
          <Transport />
        </div>
        <Panel />
      </div>
      <Lanes />
      <div class="foot"><Keys /><Others open={false} /></div>
    </div>
  );
}

function Head({ whole }: { whole: Consultation }) {
  const w = words.value;
  const state = recordState(whole);
  const { from, until } = extent.value;
  const files = whole.tracks.flatMap((track) => track.segments);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const end = state === "recording" ? w.since(hourMinute(from, zone.value)) : w.from(hourMinute(from, zone.value), hourMinute(until, zone.value));
  const means = { recording: w.recordingMeans, sealed: w.sealedMeans, "open-ended": w.openEndedMeans }[state];
  return (
    <div class="head">
      <h1>{say(whole.title)}</h1>
      <p class="facts figures">
        <span title={means}><StateBadge state={state} /></span>
        <span>{day(from, language.value, zone.value)} {end}</span>
        <span>{length((until - from) / 1000, language.value)}</span>
        <span>{w.files(files.length, size(bytes))}</span>
      </p>
      <p class="quiet means">{means}</p>
    </div>
  );
}

function Trouble() {
  const w = words.value;
  const kind = reading.value;
  if (kind === "loading" || kind === "ready") return <p class="quiet waiting" role="status">{w.loading}</p>;
  const texts = {
    gone: [w.gone, w.goneText],
    denied: [w.denied, w.deniedText],
    broken: [w.broken, w.brokenText],
  }[kind];
  return (
    <div class="reviewing">
      <div class="card trouble" role="alert">
        <h1><Icon of={CircleX} />{texts[0]}</h1>
        <p>{texts[1]}</p>
        {kind === "denied" && <a class="button main" href={`/sign-in?next=${encodeURIComponent(location.pathname)}`}>{w.signIn}</a>}
      </div>
      {kind !== "denied" && <Others open={true} />}
    </div>
  );
}

follow();
mount(<Review />, chosenTheme(), () => words.value.page);
startTheme();
