/**
 * The recording of one site, kept at the same moment as the program.
 *
 * The server streams a site from the key frame before any UTC moment. Such a stream cannot be
 * wound: it is only played faster, slower or held until both show the same moment, and a jump
 * loads it anew.
 */
import { signal } from "@preact/signals";
import { clipStart } from "./clip-start";

export type ClipPhase = "loading" | "playing" | "absent" | "failed";

/** Closer than this is in step; ms. A frame at 25 frames/s lasts 40 ms. */
const IN_STEP_MS = 50;
/** Behind by more than this while playing: run; ahead by more: hold; ms. */
const RUN_MS = 400;
/** How fast it runs to catch up, without sound. */
const RUN_RATE = 4;
/** Further apart than this is loaded anew; ms. Key frames may be some seconds apart. */
const FAR_BEHIND_MS = 12_000;
const FAR_AHEAD_MS = 1500;
/** No further attempt within this time, so that a slow line is not asked again and again; ms. */
const PAUSE_MS = 2500;
const TICK_MS = 100;

export interface Leader {
  utc: number | null;
  playing: boolean;
  rate: number;
}

export class Clip {
  readonly phase = signal<ClipPhase>("loading");
  /** ms; positive: the clip is ahead; null: not known. */
  readonly drift = signal<number | null>(null);
  /** Running to catch up: its sound would only be noise. */
  readonly running = signal(false);

  private zero = 0; // UTC ms of the clip's media time 0
  private loadedAt = -PAUSE_MS;
  private loaded = false;
  private asked: AbortController | null = null;
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
    on("loadeddata", () => {
      if (this.loaded) this.phase.value = "playing";
    });
    on("error", () => {
      if (this.loaded) this.fail();
    });
    this.ticker = window.setInterval(() => this.tick(), TICK_MS);
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

  private tick(): void {
    const { utc, playing, rate } = this.leader();
    if (utc === null) return;
    const address = this.address(utc);
    if (address === null) {
      this.unload();
      this.phase.value = "absent";
      return;
    }
    if (this.asked) return; // on its way
    if (!this.loaded || this.phase.value === "absent") {
      void this.load(address, utc);
      return;
    }
    const drift = this.zero + this.video.currentTime * 1000 - utc;
    if (drift < -FAR_BEHIND_MS || drift > FAR_AHEAD_MS || (this.video.ended && drift < -RUN_MS)) {
      void this.load(address, utc);
      return;
    }
    this.drift.value = Math.round(drift);
    if (this.video.readyState >= 2) this.steer(drift, playing, rate);
  }

  private async load(address: string, utc: number): Promise<void> {
    const now = performance.now();
    if (now - this.loadedAt < PAUSE_MS) return;
    this.loadedAt = now;
    this.unload();
    this.phase.value = "loading";
    const asked = new AbortController();
    this.asked = asked;
    try {
      const zero = await clipStart(address, asked.signal);
      if (asked.signal.aborted) return;
      this.zero = zero ?? utc;
      this.loaded = true;
      this.video.src = address;
      this.video.load();
    } catch {
      if (!asked.signal.aborted) this.fail();
    } finally {
      if (this.asked === asked) this.asked = null;
    }
  }

  private fail(): void {
    this.unload();
    this.phase.value = "failed";
  }

  private steer(drift: number, playing: boolean, rate: number): void {
    const behind = drift < -RUN_MS || (!playing && drift < -IN_STEP_MS);
    this.running.value = behind;
    if (behind) return this.move(RUN_RATE);
    if (!playing || drift > RUN_MS) return this.hold();
    const correction = Math.abs(drift) < IN_STEP_MS ? 0 : Math.max(-0.15, Math.min(0.15, -drift / 1500));
    this.move(rate * (1 + correction));
  }

  private move(rate: number): void {
    if (Math.abs(this.video.playbackRate - rate) > 0.004) this.video.playbackRate = rate;
    if (this.video.paused) void this.video.play().catch(() => undefined);
  }

  private hold(): void {
    if (!this.video.paused) this.video.pause();
  }

  private unload(): void {
    this.asked?.abort();
    this.asked = null;
    this.drift.value = null;
    this.running.value = false;
    if (!this.loaded) return;
    this.loaded = false;
    this.video.removeAttribute("src");
    this.video.load();
  }
}
