// Every message between pages and server, as docs/protocol.md defines them.
import type { Text } from "./boot";

export type Tally = "off" | "next" | "air";
export type Quality = "good" | "fair" | "poor" | "lost";
export type Layout = "full" | "side" | "pip" | "four";
export type MediaAnswer = "new" | "keep" | "renew";
export interface Strip { name: string; title: string }

// ------------------------------------------------------------ of every page
export interface Answer { type: "answer"; id: number; peer: string; sdp: string; video: string[]; audio: string[] }
export interface Done { type: "done"; id: number }
export interface Refused { type: "error"; id?: number; code: string; text: Text }
export interface Levels { type: "levels"; levels: Record<string, number> }
export type Common = Answer | Done | Refused;

// ------------------------------------------------------------ /ws/site
export interface Report { freezes: number; fps: number; loss: number; rtt_ms: number; jitter_ms: number }

export type FromSite =
  | { type: "hello"; device: string; peer?: string; name?: string }
  | { type: "offer"; sdp: string }
  | { type: "microphone"; open: boolean }
  | { type: "camera"; on: boolean }
  | { type: "hand"; raised: boolean }
  | { type: "main"; show: "air" | "program" }
  | { type: "report"; stats: Report }
  | { type: "leave" };

export interface SiteState {
  type: "state";
  site: { id: string; name: Text | string; city: Text | string };
  tally: Tally;
  muted: boolean;
  microphone: boolean;
  camera: boolean;
  hand: boolean;
  main: "air" | "program";
  place: number | null;
  on_air: { id: string; name: Text | string }[];
  next: { id: string; name: Text | string }[];
  strip: Strip | null;
  slate: boolean;
  sites: { id: string; name: Text | string; hall: boolean; present: boolean }[];
  slots: (string | null)[];
  note: { text: string; at: number } | null;
  live_since: number | null;
  line: { quality: Quality; text: Text };
}

export type ToSite =
  | Common
  | SiteState
  | Levels
  | { type: "welcome"; peer: string; media: MediaAnswer; device: string }
  | { type: "bye"; code: string; text: Text };

// ------------------------------------------------------------ /ws/console
export type FromConsole =
  | { type: "hello"; peer?: string }
  | { type: "offer"; sdp: string }
  | { type: "preview"; layout?: Layout; sites?: string[]; strip?: Strip | null }
  | { type: "take"; mode: "cut" | "mix" }
  | { type: "undo" }
  | { type: "slate"; on: boolean }
  | { type: "strip"; strip: Strip | null }
  | { type: "mute"; site: string; muted: boolean }
  | { type: "mute_all"; except: string[] }
  | { type: "lower_hand"; site: string }
  | { type: "note"; site: string; text: string }
  | { type: "automatic"; on: boolean }
  | { type: "output"; name: string; on: boolean }
  | { type: "drop"; site: string };

export type SourceState = "live" | "held" | "card" | "gone";
export type OutputState = "off" | "connecting" | "live" | "retrying" | "failed";

export interface ConsoleLine {
  quality: Quality;
  loss: number;
  jitter_ms: number;
  rtt_ms: number | null;
  freezes: number;
  kbps: number;
  fps: number;
  text: Text | string;
}

export interface ConsoleSite {
  id: string;
  name: Text | string;
  city: Text | string;
  hall: boolean;
  people: { name: Text | string; title: Text | string }[];
  present: boolean;
  since: number | null;
  microphone: boolean;
  camera: boolean;
  hand: number | null;
  muted: boolean;
  tally: Tally;
  note: string | { text: string; at: number } | null;
  line: ConsoleLine;
  source: SourceState | null;
}

export interface Shot { layout: Layout; sites: string[]; strip: Strip | null }
export interface OutputLine {
  name: string;
  kind: "hls" | "rtmp";
  state: OutputState;
  text: Text | string;
  retries: number;
  kbps: number;
  dropped: number;
}

export interface ConsoleState {
  type: "state";
  version: number;
  consultation: { id: string; title: Text };
  live_since: number | null;
  now: number;
  on_air: Shot & { since: number; by: string };
  preview: Shot;
  slate: boolean;
  automatic: boolean;
  undo: boolean;
  held: { by: string } | null;
  sites: ConsoleSite[];
  slots: (string | null)[];
  outputs: OutputLine[];
  record: { state: "ok" | "warning" | "stopped"; files: number; bytes: number; verified_s: number | null; text: Text | string };
  program: { fps: number; missed: number; level: number };
  viewers: number;
  consoles: string[];
  processes: { media: boolean; program: boolean; record: boolean };
  warnings: { code: string; text: Text }[];
  log: { at: number; who: string; text: Text }[];
}

export type ToConsole =
  | Common
  | ConsoleState
  | Levels
  | { type: "welcome"; peer: string; media: MediaAnswer; user: string }
  | { type: "bye"; code: string; text: Text };

// ------------------------------------------------------------ /ws/watch
export interface WatchState {
  type: "state";
  live: boolean;
  live_since: number | null;
  title: Text | string;
  speaking: { name: Text | string; title: Text | string; site: Text | string }[];
  viewers: number;
  slate: boolean;
}
export type ToWatch = WatchState | Refused;
