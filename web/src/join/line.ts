// The network check before joining: how fast the web part is, and whether media passes at all.
import { signal } from "@preact/signals";
import { Peer } from "../lib/peer";

export type Verdict = "good" | "fair" | "slow" | "blocked" | "none";
export interface Result { verdict: Verdict; rtt_ms: number; up_kbps: number; down_kbps: number }

export const checking = signal(false);
export const result = signal<Result | null>(null);

const PROBE = "/api/v1/probe";
const UP_BYTES = 192 * 1024;
const DOWN_BYTES = 512 * 1024;
const MEDIA_MS = 5000;
const CAMERA_KBPS = 1800; // our camera and voice, with room
const LEAST_KBPS = 600;

/** Run the whole check once; `result` tells. A second call while it runs does nothing. */
export async function checkLine(token: string): Promise<void> {
  if (checking.value) return;
  checking.value = true;
  const media = mediaPasses(token);
  const speed = await webSpeed().catch(() => null);
  result.value = judge(speed, await media);
  checking.value = false;
}

function judge(speed: Omit<Result, "verdict"> | null, media: boolean): Result {
  if (!speed) return { verdict: "none", rtt_ms: 0, up_kbps: 0, down_kbps: 0 };
  const slowest = Math.min(speed.up_kbps, speed.down_kbps);
  if (!media) return { verdict: "blocked", ...speed };
  if (slowest < LEAST_KBPS || speed.rtt_ms > 800) return { verdict: "slow", ...speed };
  if (slowest < CAMERA_KBPS || speed.rtt_ms > 300) return { verdict: "fair", ...speed };
  return { verdict: "good", ...speed };
}

async function webSpeed(): Promise<Omit<Result, "verdict">> {
  const trips: number[] = [];
  for (let n = 0; n < 5; n += 1) trips.push(await timed(() => get(1)));
  const rtt = trips.sort((a, b) => a - b)[2] ?? 0;
  const down = await timed(() => get(DOWN_BYTES));
  const up = await timed(() => post(UP_BYTES));
  const kbps = (bytes: number, ms: number) => Math.round((bytes * 8) / Math.max(1, ms - rtt));
  return { rtt_ms: Math.round(rtt), up_kbps: kbps(UP_BYTES, up), down_kbps: kbps(DOWN_BYTES, down) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function get(bytes: number): Promise<void> {
  await whole(await fetch(`${PROBE}?bytes=${bytes}`, { cache: "no-store", signal: AbortSignal.timeout(10_000) }));
}

async function post(bytes: number): Promise<void> {
  const body = new Uint8Array(bytes);
  await whole(await fetch(PROBE, { method: "POST", body, signal: AbortSignal.timeout(10_000) }));
}

async function whole(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`probe answered ${response.status}`);
  await response.arrayBuffer();
}

/** A media connection of one receive slot to the server: does it come up? */
async function mediaPasses(token: string): Promise<boolean> {
  const peer = new Peer({ publishes: false, video: 0, audio: 1 });
  try {
    const response = await fetch(`${PROBE}/media`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
      body: await peer.offer(),
      signal: AbortSignal.timeout(MEDIA_MS),
    });
    if (!response.ok) return false;
    await peer.accept(await response.text());
    return await connects(peer);
  } catch {
    return false;
  } finally {
    peer.close();
  }
}

function connects(peer: Peer): Promise<boolean> {
  return new Promise((decide) => {
    const timer = setTimeout(() => decide(false), MEDIA_MS);
    const stop = peer.state.subscribe((state) => {
      if (state !== "connected" && state !== "failed") return;
      clearTimeout(timer);
      queueMicrotask(() => stop());
      decide(state === "connected");
    });
  });
}

/** 950 kb/s, 12 Mb/s */
export function speed(kbps: number): string {
  return kbps < 1000 ? `${kbps} kb/s` : `${(kbps / 1000).toFixed(kbps < 10_000 ? 1 : 0)} Mb/s`;
}
