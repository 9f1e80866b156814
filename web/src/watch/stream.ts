/**
 * One HLS stream in one video element, kept alive for as long as the page wants it.
 *
 * `live` stays at the live edge unless the person has gone back; `record` begins at the first
 * second and follows the growth of a recording. A fault of the network or the decoder never ends
 * a stream: it is tried again, with a pause that grows to four seconds. What happens is told in
 * signals, so that pages render from state and never ask the element.
 */
import { batch, signal } from "@preact/signals";
import type Hls from "hls.js";
import type { ErrorData, LevelDetails } from "hls.js";
import { Backoff } from "./backoff";
import { joinSpans, toMedia, toUtc, type Span } from "./timemap";

export type Phase =
  | "opening" // nothing is known yet
  | "absent" // the server has no such playlist (yet)
  | "ready" // there is something to play
  | "retrying" // the way to the server is broken
  | "unsupported"; // this browser can play no HLS at all

export interface Quality {
  index: number;
  height: number;
  kbps: number;
}

export interface StreamOptions {
  kind: "live" | "record";
  /** UTC milliseconds to begin at (`record`). */
  beginAt?: number | null;
  /** Seconds from the beginning to begin at (`record`). */
  beginSecond?: number | null;
  autoplay?: boolean;
}

/** Behind the edge by more than this, the page offers the way back; seconds. */
export const BEHIND_S = 8;
/** Someone who follows the broadcast and falls back by more than this is brought forward; seconds. */
const CATCH_UP_S = 10;
/** Playing, yet no picture for this long: load again; ms. */
const STUCK_MS = 8000;
/** The same, when the next picture is already there behind a hole of at most this length. */
const HOLE_MS = 1200;
const HOLE_S = 5;
/** From the camera to the playlist, about: a segment, and the work on it; seconds. */
const MAKING_S = 2.5;

export class Stream {
  readonly phase = signal<Phase>("opening");
  readonly attempts = signal(0);
  readonly finished = signal(false); // the playlist is complete
  readonly qualities = signal<Quality[]>([]);
  readonly quality = signal(-1); // wanted; -1: automatic
  readonly shownQuality = signal(-1);
  readonly spans = signal<Span[]>([]);
  readonly start = signal(0); // media seconds: the window that can be played
  readonly end = signal(0);
  readonly edge = signal(0); // where "live" is
  readonly time = signal(0);
  readonly playing = signal(false);
  readonly waiting = signal(false);
  readonly atEnd = signal(false);
  readonly muted = signal(true);
  readonly volume = signal(1);
  readonly blocked = signal(false); // the browser wants a touch before it plays
  readonly following = signal(true);
  readonly pictured = signal(false); // a first frame has been shown
  readonly started = signal(false); // it has played

  private hls: Hls | null = null;
  private native = false;
  private begun = false;
  private wanted = false; // the person (or the page, at first) wants it to play
  private closed = false;
  private readonly backoff = new Backoff();
  private timer = 0;
  private readonly ticker: number;
  private lastMove = 0;
  private resumeUtc: number | null = null;
  private mediaFaults: number[] = [];
  private readonly stop = new AbortController();

  constructor(
    readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly options: StreamOptions,
  ) {
    this.resumeUtc = options.beginAt ?? null;
    this.muted.value = video.muted;
    this.listen();
    this.ticker = window.setInterval(() => this.tick(), 500);
  }

  /** Load the player and begin. Call once, after the page's first paint. */
  async open(): Promise<void> {
    const { default: Engine } = await import("hls.js");
    if (this.closed) return;
    // Ask hls.js first: Chromium now claims native HLS and fails at it.
    if (Engine.isSupported()) this.openEngine(Engine);
    else if (this.video.canPlayType("application/vnd.apple.mpegurl")) this.openNative();
    else this.phase.value = "unsupported";
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.timer);
    window.clearInterval(this.ticker);
    this.stop.abort();
    this.hls?.destroy();
    this.hls = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Try now, without waiting for the rest of the pause (the page has heard that it may work). */
  hurry(): void {
    if (this.phase.value === "absent" || this.phase.value === "retrying" || this.finished.value) this.reload(0);
  }

  async play(): Promise<void> {
    this.blocked.value = false;
    this.wanted = true;
    if (this.options.kind === "record" && this.atEnd.value && this.finished.value) this.seek(this.start.value);
    try {
      await this.video.play();
    } catch (error) {
      if ((error as DOMException).name === "NotAllowedError") this.blocked.value = true;
    }
  }

  pause(): void {
    this.video.pause();
  }

  toggle(): void {
    if (this.video.paused) void this.play();
    else this.pause();
  }

  /** Go to a media time in seconds, held inside what can be played. */
  seek(media: number): void {
    const target = Math.max(this.start.value, Math.min(media, this.end.value - 0.05));
    this.following.value = this.options.kind === "live" && this.edge.value - target < BEHIND_S;
    this.video.currentTime = target;
    this.time.value = target;
  }

  seekUtc(utc: number): void {
    const media = toMedia(this.spans.value, utc);
    if (media === null) this.resumeUtc = utc;
    else this.seek(media);
  }

  /** UTC milliseconds of the picture that is shown, or null. */
  utc(): number | null {
    return toUtc(this.spans.value, this.video.currentTime);
  }

  /** How old the picture is, about; seconds. */
  age(): number {
    const behind = this.hls && this.hls.latency > 0 ? this.hls.latency : this.end.value - this.video.currentTime;
    return Math.max(0, behind) + MAKING_S;
  }

  goLive(): void {
    this.seek(this.edge.value);
    this.following.value = true;
    void this.play();
  }

  setMuted(muted: boolean): void {
    this.video.muted = muted;
    if (!muted && this.video.volume === 0) this.video.volume = 1;
  }

  setVolume(volume: number): void {
    this.video.volume = volume;
    this.video.muted = volume === 0;
  }

  setQuality(index: number): void {
    this.quality.value = index;
    if (this.hls) this.hls.nextLevel = index;
  }

  // ------------------------------------------------------------------ hls.js

  private openEngine(Engine: typeof Hls): void {
    const live = this.options.kind === "live";
    const hls = new Engine({
      enableWorker: false, // fragmented MP4 needs no remuxing, and pages may forbid workers
      startPosition: live ? -1 : (this.options.beginSecond ?? 0),
      liveSyncDurationCount: 2,
      maxLiveSyncPlaybackRate: live ? 1.06 : 1,
      backBufferLength: 90,
      maxBufferLength: 30,
      capLevelToPlayerSize: true,
      fragLoadPolicy: patient(6),
      playlistLoadPolicy: patient(3),
      manifestLoadPolicy: patient(0),
    });
    this.hls = hls;
    const { Events } = Engine;
    hls.on(Events.MANIFEST_PARSED, () => this.manifestParsed(hls));
    hls.on(Events.LEVEL_UPDATED, (_, data) => this.levelUpdated(data.details));
    hls.on(Events.LEVEL_SWITCHED, (_, data) => (this.shownQuality.value = data.level));
    hls.on(Events.FRAG_BUFFERED, () => this.healthy());
    hls.on(Events.ERROR, (_, data) => this.engineError(Engine, hls, data));
    hls.attachMedia(this.video);
    hls.loadSource(this.url);
  }

  private manifestParsed(hls: Hls): void {
    this.qualities.value = hls.levels
      .map((level, index) => ({ index, height: level.height, kbps: Math.round(level.bitrate / 1000) }))
      .filter((quality) => quality.height > 0);
  }

  /** A broadcast begins by itself; what has ended waits for the person. What played, goes on. */
  private begin(): void {
    const first = this.options.autoplay && !this.begun && !this.finished.value;
    if (!first && !(this.wanted && this.video.paused)) return;
    this.begun = true;
    void this.play();
  }

  private levelUpdated(details: LevelDetails): void {
    batch(() => {
      this.spans.value = joinSpans(
        details.fragments
          .filter((fragment) => fragment.programDateTime !== null)
          .map((fragment) => ({
            media: fragment.start,
            duration: fragment.duration,
            utc: fragment.programDateTime!,
          })),
      );
      const first = details.fragments[0];
      this.start.value = first ? first.start : 0;
      this.end.value = details.edge;
      this.finished.value = !details.live;
      this.edge.value = details.live ? (this.hls?.liveSyncPosition ?? details.edge) : details.edge;
      this.phase.value = "ready";
    });
    this.resume();
    this.begin();
  }

  private resume(): void {
    if (this.resumeUtc === null || this.spans.value.length === 0) return;
    const media = toMedia(this.spans.value, this.resumeUtc);
    this.resumeUtc = null;
    if (media !== null && Math.abs(media - this.video.currentTime) > 0.25) this.seek(media);
  }

  private engineError(Engine: typeof Hls, hls: Hls, data: ErrorData): void {
    const code = data.response?.code ?? 0;
    if (!data.fatal) {
      if (data.type === Engine.ErrorTypes.NETWORK_ERROR && this.bufferLeft() < 1) this.phase.value = "retrying";
      return;
    }
    if (data.type === Engine.ErrorTypes.MEDIA_ERROR && this.mayRecoverMedia()) {
      hls.recoverMediaError();
      return;
    }
    const absent = data.details === Engine.ErrorDetails.MANIFEST_LOAD_ERROR && (code === 404 || code === 410);
    this.phase.value = absent ? "absent" : "retrying";
    this.reload(this.backoff.next());
  }

  /** The decoder is reset at most twice in ten seconds; after that the stream is loaded anew. */
  private mayRecoverMedia(): boolean {
    const now = performance.now();
    this.mediaFaults = this.mediaFaults.filter((at) => now - at < 10_000);
    this.mediaFaults.push(now);
    return this.mediaFaults.length <= 2;
  }

  private reload(wait: number): void {
    window.clearTimeout(this.timer);
    this.attempts.value = this.backoff.attempts;
    if (!this.following.value || this.options.kind === "record") this.resumeUtc ??= this.pictured.value ? this.utc() : null;
    this.timer = window.setTimeout(() => {
      if (this.closed) return;
      this.lastMove = performance.now();
      if (this.native) {
        this.video.src = this.url;
        this.video.load();
      } else {
        this.hls?.loadSource(this.url);
        this.hls?.startLoad();
      }
    }, wait);
  }

  private healthy(): void {
    this.backoff.reset();
    batch(() => {
      this.attempts.value = 0;
      this.phase.value = "ready";
    });
  }

  private bufferLeft(): number {
    const { buffered, currentTime } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= currentTime + 0.1 && currentTime < buffered.end(index)) {
        return buffered.end(index) - currentTime;
      }
    }
    return 0;
  }

  /** A broadcast may lack frames (an overloaded server); what comes after them is worth more. */
  private leapHole(): void {
    const { buffered, currentTime } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      const begin = buffered.start(index);
      if (begin <= currentTime) continue;
      if (begin - currentTime < HOLE_S) this.video.currentTime = begin + 0.02;
      return;
    }
  }

  // ------------------------------------------------------------------ native (Safari)

  private openNative(): void {
    this.native = true;
    const on = (name: string, handler: () => void) =>
      this.video.addEventListener(name, handler, { signal: this.stop.signal });
    on("error", () => {
      this.phase.value = this.pictured.value ? "retrying" : "absent";
      this.reload(this.backoff.next());
    });
    on("progress", () => this.nativeWindow());
    on("loadedmetadata", () => {
      this.healthy();
      this.nativeWindow();
      if (this.options.kind === "record") this.video.currentTime = this.options.beginSecond ?? 0;
      this.resume();
      this.begin();
    });
    this.video.src = this.url;
  }

  private nativeWindow(): void {
    const { seekable, duration } = this.video;
    if (seekable.length === 0) return;
    const end = seekable.end(seekable.length - 1);
    const date = (this.video as { getStartDate?: () => Date }).getStartDate?.().getTime();
    batch(() => {
      this.start.value = seekable.start(0);
      this.end.value = end;
      this.finished.value = Number.isFinite(duration);
      this.edge.value = this.finished.value ? end : Math.max(this.start.value, end - 4);
      if (date !== undefined && !Number.isNaN(date)) {
        this.spans.value = [{ media: 0, duration: end, utc: date }];
      }
    });
  }

  // ------------------------------------------------------------------ the element

  private listen(): void {
    const video = this.video;
    const on = (names: string, handler: () => void) => {
      for (const name of names.split(" ")) video.addEventListener(name, handler, { signal: this.stop.signal });
    };
    on("play pause ended emptied", () => (this.playing.value = !video.paused && !video.ended));
    // Loading anew pauses without this event: so it tells what the person wants.
    on("pause", () => (this.wanted = video.ended));
    on("playing", () => (this.started.value = true));
    on("waiting", () => (this.waiting.value = true));
    on("playing canplay seeked", () => (this.waiting.value = false));
    on("playing loadeddata", () => (this.pictured.value = this.pictured.value || video.readyState >= 2));
    on("ended", () => (this.atEnd.value = true));
    on("seeking playing", () => (this.atEnd.value = video.ended));
    on("volumechange", () => {
      this.muted.value = video.muted || video.volume === 0;
      this.volume.value = video.volume;
    });
    on("timeupdate seeked", () => {
      this.lastMove = performance.now();
      this.time.value = video.currentTime;
    });
  }

  private tick(): void {
    if (this.native) this.nativeWindow();
    else if (this.hls?.liveSyncPosition && !this.finished.value) this.edge.value = this.hls.liveSyncPosition;
    if (this.video.paused || this.phase.value !== "ready") return;
    const behind = this.edge.value - this.video.currentTime;
    if (this.options.kind === "live" && this.following.value && !this.finished.value && behind > CATCH_UP_S) {
      this.seek(this.edge.value);
      this.following.value = true;
    }
    const still = this.video.readyState < 3 ? performance.now() - this.lastMove : 0;
    if (still > HOLE_MS && this.options.kind === "live") this.leapHole();
    const stuck = still > STUCK_MS;
    const more = this.end.value - this.video.currentTime > 1;
    if (stuck && more && !this.video.ended) {
      this.phase.value = "retrying";
      this.reload(this.backoff.next());
    }
  }
}

/** hls.js tries again this often, quickly, before it calls an error fatal; then we go on. */
function patient(retries: number) {
  const retry = { maxNumRetry: retries, retryDelayMs: 500, maxRetryDelayMs: 2000, backoff: "exponential" as const };
  return {
    default: { maxTimeToFirstByteMs: 8000, maxLoadTimeMs: 20_000, timeoutRetry: retry, errorRetry: retry },
  };
}
