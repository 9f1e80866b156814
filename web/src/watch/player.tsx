// The picture and its controls. The controls stand below the picture, never over it, except in
// full screen, where they go away by themselves.
import { useComputed, useSignal } from "@preact/signals";
import { Maximize, Minimize, Pause, Play, Radio, Volume2, VolumeX } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../lib/ui/button";
import { language } from "../lib/i18n";
import { Icon } from "../lib/ui/icon";
import type { Curtain, Story } from "./story";
import { BEHIND_S, type Stream } from "./stream";
import { length } from "./times";
import { words } from "./words";

const STEP_S = 10;
const HIDE_MS = 3000;

interface PlayerProps {
  stream: Stream | null;
  curtain: Curtain;
  video: (element: HTMLVideoElement | null) => void;
  label: string;
}

export function Player({ stream, curtain, video, label }: PlayerProps) {
  const box = useRef<HTMLDivElement>(null);
  const full = useFullScreen(box.current);
  const idle = useIdle(box, full.on.value);
  useKeys(stream, full.toggle);
  return (
    <div class={`player ${full.on.value ? "full" : ""} ${idle.value ? "idle" : ""}`} ref={box}>
      <div class="picture">
        <video ref={video} muted playsInline preload="auto" aria-label={label} {...inChatApps}
          onClick={() => full.on.value && stream?.toggle()} />
        <CurtainView curtain={curtain} stream={stream} />
      </div>
      {stream && !hushed.has(curtain) && <Controls stream={stream} full={full} />}
    </div>
  );
}

/** Browsers inside chat apps tear a video out of the page unless they are asked not to. */
const inChatApps = {
  "webkit-playsinline": "true",
  "x5-playsinline": "true",
  "x5-video-player-type": "h5-page",
} as Record<string, string>;

/** Where there is nothing to play, buttons would only puzzle. */
const hushed = new Set<Curtain>(["before", "soon", "ended", "unsupported"]);

function CurtainView({ curtain, stream }: { curtain: Curtain; stream: Stream | null }) {
  const w = words.value;
  if (curtain === "none") return null;
  if (curtain === "touch") {
    return (
      <div class="curtain">
        <Button kind="main" size="large" icon={Play} onClick={() => void stream?.play()}>{w.touchTitle}</Button>
      </div>
    );
  }
  const texts: Record<Exclude<Curtain, "none" | "touch">, [string, string]> = {
    opening: [w.opening, ""],
    before: [w.beforeTitle, w.beforeText],
    soon: [w.soonTitle, w.soonText],
    interrupted: [w.interruptedTitle, w.interruptedText],
    ended: [w.endedTitle, w.endedText],
    broken: [w.brokenTitle, w.brokenText],
    unsupported: [w.unsupportedTitle, w.unsupportedText],
  };
  const [title, text] = texts[curtain];
  return (
    <div class={`curtain ${curtain}`} role="status">
      <p class="say">{title}</p>
      {text && <p>{text}</p>}
      {curtain === "ended" && stream && stream.end.value - stream.start.value > 10 && (
        <Button icon={Play} onClick={() => { stream.seek(stream.start.value); void stream.play(); }}>{w.again}</Button>
      )}
    </div>
  );
}

interface FullScreen {
  on: { value: boolean };
  possible: boolean;
  toggle: () => void;
}

function Controls({ stream, full }: { stream: Stream; full: FullScreen }) {
  const w = words.value;
  const ready = stream.pictured.value || stream.phase.value === "ready";
  const finished = stream.finished.value;
  return (
    <div class="controls">
      {ready && <Position stream={stream} />}
      <div class="row">
        <Button class="play" kind="plain" icon={stream.playing.value ? Pause : Play} aria-keyshortcuts="Space"
          disabled={!ready} onClick={() => stream.toggle()}>{stream.playing.value ? w.pause : w.play}</Button>
        <Sound stream={stream} ready={ready} />
        <span class="gap" />
        {ready && !finished && <Live stream={stream} />}
        {stream.qualities.value.length > 1 && <QualityChoice stream={stream} />}
        {full.possible && (
          <Button class="fullscreen" kind="plain" icon={full.on.value ? Minimize : Maximize} aria-keyshortcuts="F"
            onClick={full.toggle}>{full.on.value ? w.window : w.full}</Button>
        )}
      </div>
    </div>
  );
}

function Sound({ stream, ready }: { stream: Stream; ready: boolean }) {
  const w = words.value;
  if (stream.muted.value) {
    return (
      <Button class="sound" kind={ready ? "main" : "plain"} icon={VolumeX} aria-keyshortcuts="M" disabled={!ready}
        onClick={() => stream.setMuted(false)}>{w.soundOn}</Button>
    );
  }
  return (
    <>
      <Button class="sound" kind="plain" icon={Volume2} aria-keyshortcuts="M" onClick={() => stream.setMuted(true)}>
        {w.soundOff}
      </Button>
      <input class="volume" type="range" min="0" max="1" step="0.05" aria-label={w.volume} value={stream.volume.value}
        style={{ "--part": stream.volume.value }}
        onInput={(event) => stream.setVolume(Number(event.currentTarget.value))} />
    </>
  );
}

function Live({ stream }: { stream: Stream }) {
  const w = words.value;
  const behind = useComputed(() => stream.edge.value - stream.time.value);
  const far = useComputed(() => behind.value > BEHIND_S || (!stream.playing.value && stream.pictured.value));
  if (!far.value) return <span class="at-live"><i class="dot" aria-hidden="true" />{w.isLive}</span>;
  return <Button class="go-live" icon={Radio} aria-keyshortcuts="L" onClick={() => stream.goLive()}>{w.goLive}</Button>;
}

function QualityChoice({ stream }: { stream: Stream }) {
  const w = words.value;
  const shown = stream.qualities.value.find((each) => each.index === stream.shownQuality.value);
  return (
    <select class="quality" aria-label={w.quality} value={stream.quality.value}
      onChange={(event) => stream.setQuality(Number(event.currentTarget.value))}>
      <option value={-1}>{w.automatic}{shown && stream.quality.value < 0 ? ` ${shown.height}p` : ""}</option>
      {stream.qualities.value.map((each) => <option key={each.index} value={each.index}>{each.height}p</option>)}
    </select>
  );
}

/** Winding inside the window that the server keeps. */
function Position({ stream }: { stream: Stream }) {
  const w = words.value;
  const start = stream.start.value;
  const end = stream.finished.value ? stream.end.value : Math.max(stream.edge.value, stream.time.value);
  const time = Math.min(Math.max(stream.time.value, start), end);
  const behind = end - time;
  const near = behind < BEHIND_S && !stream.finished.value;
  const spoken = near ? w.atLive : w.ago(length(behind, language.value));
  return (
    <input class="position" type="range" min={start} max={end} step="1" value={time} aria-label={w.position}
      aria-valuetext={spoken} style={{ "--part": end > start ? (near ? 1 : (time - start) / (end - start)) : 1 }}
      onInput={(event) => {
        const wanted = Number(event.currentTarget.value);
        if (!stream.finished.value && end - wanted < 3) stream.goLive();
        else stream.seek(wanted);
      }} />
  );
}

/** One calm line below the controls; empty when all is well. */
export function PlayerNote({ stream, story }: { stream: Stream; story: Story }) {
  const w = words.value;
  const behind = Math.round((stream.edge.value - stream.time.value) / 5) * 5;
  let text = "";
  if (stream.phase.value === "retrying" && stream.pictured.value) text = w.retrying(stream.attempts.value);
  else if (story === "interrupted" && stream.pictured.value) text = w.interruptedNote;
  else if (story === "slate") text = w.slateText;
  else if (stream.pictured.value && !stream.finished.value && behind > BEHIND_S + 2) {
    text = w.behind(length(behind, language.value));
  }
  return <p class="player-note" role="status">{text && <><Icon of={Radio} />{text}</>}</p>;
}

// ---------------------------------------------------------------- full screen, keys, idleness

type FullElement = HTMLElement & { webkitRequestFullscreen?: () => void };
type FullDocument = Document & { webkitFullscreenElement?: Element; webkitExitFullscreen?: () => void };
type PhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

function useFullScreen(box: HTMLElement | null): FullScreen {
  const on = useSignal(false);
  useEffect(() => {
    const changed = () => {
      const page = document as FullDocument;
      on.value = !!(page.fullscreenElement ?? page.webkitFullscreenElement);
    };
    document.addEventListener("fullscreenchange", changed);
    document.addEventListener("webkitfullscreenchange", changed);
    return () => {
      document.removeEventListener("fullscreenchange", changed);
      document.removeEventListener("webkitfullscreenchange", changed);
    };
  }, []);
  const toggle = () => {
    const page = document as FullDocument;
    const element = box as FullElement | null;
    if (on.value) void (page.exitFullscreen ? page.exitFullscreen() : page.webkitExitFullscreen?.());
    else if (element?.requestFullscreen) void element.requestFullscreen().catch(() => undefined);
    else if (element?.webkitRequestFullscreen) element.webkitRequestFullscreen();
    else element?.querySelector<PhoneVideo>("video")?.webkitEnterFullscreen?.(); // iPhone: the video alone
  };
  const probe = HTMLElement.prototype as FullElement;
  const possible = !!(probe.requestFullscreen || probe.webkitRequestFullscreen)
    || "webkitEnterFullscreen" in HTMLVideoElement.prototype;
  return { on, possible, toggle };
}

function useIdle(box: { current: HTMLElement | null }, full: boolean) {
  const idle = useSignal(false);
  useEffect(() => {
    const element = box.current;
    if (!full || !element) {
      idle.value = false;
      return;
    }
    let timer = 0;
    const moved = () => {
      idle.value = false;
      window.clearTimeout(timer);
      timer = window.setTimeout(() => (idle.value = true), HIDE_MS);
    };
    const names = ["pointermove", "pointerdown", "keydown", "focusin"];
    for (const name of names) element.addEventListener(name, moved);
    moved();
    return () => {
      window.clearTimeout(timer);
      for (const name of names) element.removeEventListener(name, moved);
    };
  }, [full]);
  return idle;
}

function useKeys(stream: Stream | null, full: () => void): void {
  useEffect(() => {
    if (!stream) return;
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const actions: Record<string, () => void> = {
        " ": () => stream.toggle(),
        k: () => stream.toggle(),
        m: () => stream.setMuted(!stream.muted.value),
        f: full,
        l: () => stream.goLive(),
        ArrowLeft: () => stream.seek(stream.video.currentTime - STEP_S),
        ArrowRight: () => stream.seek(stream.video.currentTime + STEP_S),
      };
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action || (event.key === " " && isPressable(event.target))) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [stream, full]);
}

/** Keys belong to a field while it has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && !!target.closest("input, select, textarea, [role=slider]");
}

/** The space bar presses what has the focus. */
export function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && !!target.closest("button, a, summary");
}

