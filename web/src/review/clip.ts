/**
 * The recording of one site, kept at the same moment as the program.
 *
 * The server streams a site from any UTC moment; such a stream cannot be wound, so a jump loads it
 * anew. Small drift is taken out by playing a few per cent faster or slower, which nobody hears.
 */
import { signal } from "@preact/signals";

export type ClipPhase = "idle" | "loading" | "playing" | "absent" | "failed";

/** Closer than this is in step; ms. A frame at 25 frames/s lasts 40 ms. */
const IN_STEP_MS = 60;
/** Further apart than this is loaded anew; ms. */
const TOO_FAR_MS = 2500;
/** No further attempt within this time, so that a slow line is not asked again and again; ms. */
const PAUSE_MS = 3000;

export interface Leader {
  utc: number | null;
  playing: boolean;
  rate: number;
}

export class Clip {
  readonly phase = signal<ClipPhase>("idle");
  readonly drift = signal<number | null>(null); // ms; positive: the clip is ahead

  private from = 0; // UTC ms of the clip's media time 0
  private loadedAt = -PAUSE_MS;
  private loadedUrl = "";
  private wanted = false;
  private readonly ticker: number;
  private readonly stop = new AbortController();

  /**
   * `address` makes the URL of the site's recording from a UTC moment, or null when the site was
   * not recorded then. `leader` tells where the program is.
   */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly address: (utc: number) => string | null,
    private readonly leader: () => Leader,
  ) {
    const on = (name: string, handler: () => void) =>
      video.addEventListener(name, handler, { signal: this.stop.signal });
    on("playing", () => this.settle());
    on("loadeddata", () => this.settle());
    on("error", () => {
      if (this.wanted) this.phase.value = "failed";
    });
    this.ticker = window.setInterval(() => this.tick(), 400);
    this.tick();
  }

  close(): void {
    window.clearInterval(this.ticker);
    this.stop.abort();
    this.unload();
  }

  /** The program has jumped: follow at once. */
  jumped(): void {
    this.loadedAt = -PAUSE_MS;
    this.tick();
  }

  private settle(): void {
    if (this.wanted) this.phase.value = "playing";
  }

  private tick(): void {
    const { utc, playing, rate } = this.leader();
    if (utc === null) return;
    const address = this.address(utc);
    if (address === null) {
      this.unload();
      this.phase.value = "absent";
      return;
    }
    const drift = this.from + this.video.currentTime * 1000 - utc;
    const broken = !this.wanted || this.phase.value === "failed" || this.video.ended;
    if (broken || Math.abs(drift) > TOO_FAR_MS) {
      if (!this.reachInside(utc, broken)) this.load(address, utc);
      return;
    }
    this.drift.value = Math.round(drift);
    this.steer(drift, playing, rate);
  }

  /** What is already loaded may be wound inside itself. */
  private reachInside(utc: number, broken: boolean): boolean {
    if (broken) return false;
    const target = (utc - this.from) / 1000;
    const { buffered } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= target && target < buffered.end(index) - 0.5) {
        this.video.currentTime = target;
        return true;
      }
    }
    return false;
  }

  private load(address: string, utc: number): void {
    const now = performance.now();
    if (now - this.loadedAt < PAUSE_MS && address.split("&from=")[0] === this.loadedUrl) return;
    this.loadedAt = now;
    this.loadedUrl = address.split("&from=")[0]!;
    this.from = Math.round(utc);
    this.wanted = true;
    this.drift.value = null;
    this.phase.value = "loading";
    this.video.src = address;
    this.video.load();
  }

  private steer(drift: number, playing: boolean, rate: number): void {
    const video = this.video;
    if (!playing) {
      if (!video.paused) video.pause();
      if (Math.abs(drift) > IN_STEP_MS && video.readyState >= 2) this.nudgePaused(drift);
      return;
    }
    if (video.paused && video.readyState >= 2) void video.play().catch(() => undefined);
    const correction = Math.abs(drift) < IN_STEP_MS ? 0 : Math.max(-0.25, Math.min(0.25, -drift / 2000));
    const wanted = rate * (1 + correction);
    if (Math.abs(video.playbackRate - wanted) > 0.004) video.playbackRate = wanted;
  }

  private nudgePaused(drift: number): void {
    const target = this.video.currentTime - drift / 1000;
    if (target >= 0) this.video.currentTime = target;
  }

  private unload(): void {
    if (!this.wanted) return;
    this.wanted = false;
    this.drift.value = null;
    this.loadedUrl = "";
    this.video.removeAttribute("src");
    this.video.load();
  }
}
