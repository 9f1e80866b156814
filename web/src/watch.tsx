// The viewer page: phone first, light with a dark option, at home in a chat app's browser.
import { signal } from "@preact/signals";
import { Circle, CircleCheck, CircleDashed, Pause, TriangleAlert, Users, Video } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { boot, bootOf } from "./lib/boot";
import { clock, language, say } from "./lib/i18n";
import { chosenTheme, mount } from "./lib/page";
import type { ToWatch, WatchState } from "./lib/protocol";
import { Line } from "./lib/socket";
import { Icon } from "./lib/ui/icon";
import { Notice } from "./lib/ui/notice";
import { Frame, startTheme } from "./watch/frame";
import { History } from "./watch/history";
import { Player, PlayerNote } from "./watch/player";
import { Address } from "./watch/share";
import { curtainOf, storyOf, type Story } from "./watch/story";
import { Stream } from "./watch/stream";
import { figure } from "./watch/times";
import { words } from "./watch/words";
import "../styles/base.css";
import "../styles/pages.css";
import "../styles/player.css";
import "../styles/watch.css";

const RENEW_MS = 4000;
const hls = bootOf("watch").hls;
const state = signal<WatchState | null>(null);
const wasLive = signal(false);
const history = new History<WatchState>();
const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

const line = new Line<ToWatch, never>(`/ws/watch/${encodeURIComponent(boot.consultation.id)}`, {
  opened: () => undefined,
  message: (message) => {
    if (message.type !== "state") return;
    state.value = message;
    history.add(Date.now(), message);
    wasLive.value ||= message.live;
  },
});

function Watch() {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [stream, setStream] = useState<Stream | null>(null);
  useEffect(() => {
    if (!video) return;
    const made = new Stream(video, hls, { kind: "live", autoplay: true });
    setStream(made);
    const timer = setTimeout(() => void made.open(), 0); // after the first paint
    return () => {
      clearTimeout(timer);
      made.close();
    };
  }, [video]);
  const isLive = state.value?.live ?? false;
  const finished = stream?.finished.value ?? false;
  useEffect(() => {
    if (isLive && !finished) stream?.hurry();
    if (!isLive || !finished) return;
    // The stream we had was closed and the broadcast goes on: there will be a new one.
    const timer = setInterval(() => stream?.hurry(), RENEW_MS);
    return () => clearInterval(timer);
  }, [isLive, finished, stream]);

  const facts = {
    phase: stream?.phase.value ?? "opening",
    finished: stream?.finished.value ?? false,
    pictured: stream?.pictured.value ?? false,
    started: stream?.started.value ?? false,
    blocked: stream?.blocked.value ?? false,
    atEnd: stream?.atEnd.value ?? false,
  } as const;
  const story = storyOf(state.value, facts, wasLive.value);
  // Names and breaks belong to the picture, which is some seconds old.
  const shown = stream && facts.started ? history.at(now.value - stream.age() * 1000) : state.value;
  const told = story === "live" || story === "slate" ? (shown?.slate ? "slate" : "live") : story;
  const title = say(state.value?.title ?? boot.consultation.title);
  return (
    <Frame>
      <div class="watching">
        <div class="stage">
          <Player stream={stream} video={setVideo} curtain={curtainOf(story, facts)} label={`${words.value.picture}：${title}`} />
          {stream && <PlayerNote stream={stream} story={told} />}
        </div>
        <div class="about">
          <Facts story={told} />
          <h1>{title}</h1>
          <Speaking story={told} speakers={shown?.speaking ?? []} />
          {line.state.value === "waiting" && state.value && <Notice kind="warn">{words.value.stateLost}</Notice>}
          <Share title={title} />
          <Help />
        </div>
      </div>
    </Frame>
  );
}

const shapes = { live: Video, slate: Pause, interrupted: TriangleAlert, before: Circle, ended: CircleCheck, unknown: CircleDashed };

function Facts({ story }: { story: Story }) {
  const w = words.value;
  const since = state.value?.live_since ?? null;
  const viewers = state.value?.viewers ?? 0;
  const running = story === "live" || story === "slate";
  return (
    <p class="facts">
      <span class={`badge ${story}`}><Icon of={shapes[story]} />{w[story]}</span>
      {running && since !== null && <span class="figures">{w.elapsed(clock(now.value - since))}</span>}
      {viewers > 0 && <span class="figures with-icon"><Icon of={Users} />{w.viewers(figure(viewers, language.value))}</span>}
    </p>
  );
}

function Speaking({ story, speakers }: { story: Story; speakers: WatchState["speaking"] }) {
  const w = words.value;
  if (story !== "live") return null;
  return (
    <section class="speaking" aria-labelledby="speaking">
      <h2 id="speaking">{w.speaking}</h2>
      {speakers.length === 0 && <p class="quiet">{w.nobody}</p>}
      <ul aria-live="polite">
        {speakers.map((speaker) => (
          <li key={`${say(speaker.site)} ${say(speaker.name)}`}>
            <strong>{say(speaker.name) || say(speaker.site)}</strong>
            <span>{[say(speaker.title), say(speaker.name) ? say(speaker.site) : ""].filter(Boolean).join(" · ")}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Share({ title }: { title: string }) {
  const w = words.value;
  return (
    <section class="share" aria-labelledby="share">
      <h2 id="share">{w.share}</h2>
      <Address label={w.address} title={title} address={`${location.origin}${location.pathname}`} />
    </section>
  );
}

function Help() {
  const w = words.value;
  return (
    <details class="help">
      <summary>{w.help}</summary>
      <ul>
        <li>{w.help1}</li>
        <li>{w.help2}</li>
        <li>{w.help3}<a href={hls}>{new URL(hls, location.href).href}</a></li>
        <li class="keys">{w.keys}</li>
      </ul>
    </details>
  );
}

mount(<Watch />, chosenTheme(), () => words.value.page);
startTheme();
