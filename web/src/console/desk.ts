// The console's one store: the server's state, the line and media, and every request.
import { computed, effect, signal } from "@preact/signals";
import { boot, type Text } from "../lib/boot";
import { Media } from "../lib/media";
import { showLevels } from "../lib/meters";
import type { ConsoleSite, ConsoleState, FromConsole, Layout, Strip, ToConsole } from "../lib/protocol";
import { Line, RequestError } from "../lib/socket";
import { capacity, layoutFor } from "./scene";

const SLOTS = 24;
const PROGRAM_SLOT = SLOTS - 1;
const SILENCE_MS = 10_000;
const REFUSAL_MS = 8000;
const ARMED_MS = 3000;

export const state = signal<ConsoleState | null>(null);
export const refusal = signal<Text | null>(null);
export const slateArmed = signal(false);
export const listening = signal(false);
export const helping = signal(false);
/** The site of the message panel; "*" is all. */
export const target = signal("*");

const media = new Media({ publishes: false, video: SLOTS, audio: 3 }, { doubt: sayHello });
export const peer = media.shown;

const line: Line<ToConsole, FromConsole> = new Line("/ws/console", {
  silence: SILENCE_MS,
  quiet: sayHello,
  opened: () => {
    sayHello();
    media.opened(line);
  },
  message: hear,
});

/** Also a question: the welcome tells whether the server still has our media. */
function sayHello(): void {
  line.send({ type: "hello", ...media.living });
}

export const lineState = line.state;
export const closedBecause = line.reason;

let offset = 0; // server's clock minus ours, ms
const tick = signal(Date.now());
setInterval(() => (tick.value = Date.now()), 1000);
/** The server's time now, once a second. */
export const now = computed(() => tick.value + offset);

function hear(message: ToConsole): void {
  if (message.type === "levels") showLevels(message.levels);
  else if (message.type === "state") {
    offset = message.now - Date.now();
    state.value = message;
    media.told(message.slots);
  } else if (message.type === "welcome") media.welcomed(message.media);
  else if (message.type === "error" || message.type === "bye") refuse(message.text);
}

// ------------------------------------------------------------ what a page may read
export const sites = computed(() => state.value?.sites ?? []);
export const previewSites = computed(() => state.value?.preview.sites ?? []);

export function siteOf(id: string): ConsoleSite | undefined {
  return sites.value.find((each) => each.id === id);
}

/** The picture of a feed, if one of our slots shows it. */
export function streamOf(feed: string): MediaStream | null {
  const slot = state.value?.slots.indexOf(feed) ?? -1;
  return slot < 0 ? null : peer.value.video[slot] ?? null;
}

export const programStream = computed(() => peer.value.video[PROGRAM_SLOT] ?? null);

// ------------------------------------------------------------ what an operator does
let refusalTimer = 0;

function refuse(text: Text | null): void {
  clearTimeout(refusalTimer);
  refusal.value = text;
  if (text) refusalTimer = window.setTimeout(() => (refusal.value = null), REFUSAL_MS);
}

/** Ask the server; a refusal becomes a calm line on the page. True when it was done. */
export async function ask(message: FromConsole): Promise<boolean> {
  try {
    await line.request(message);
    refuse(null);
    return true;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    refuse(error.text);
    return false;
  }
}

/** One site alone into preview, with its strip where only one person can be meant. */
export function preview(id: string): void {
  const people = siteOf(id)?.people ?? [];
  const only = people.length === 1 ? people[0] : undefined;
  void ask({ type: "preview", layout: "full", sites: [id], strip: only ? stripOf(only) : null });
}

/** Add a site to the previewed picture, or take it out again. */
export function addToPreview(id: string): void {
  const before = previewSites.value;
  const with_ = before.includes(id) ? before.filter((each) => each !== id) : [...before.slice(0, 3), id];
  if (!with_.length) return;
  const strip = state.value?.preview.strip ?? null;
  void ask({ type: "preview", layout: layoutFor(state.value?.preview.layout ?? "full", with_.length), sites: with_, strip });
}

export function chooseLayout(layout: Layout): void {
  const kept = previewSites.value.slice(0, capacity(layout));
  void ask({ type: "preview", layout, sites: kept, strip: state.value?.preview.strip ?? null });
}

export function previewStrip(strip: Strip | null): void {
  void ask({ type: "preview", strip });
}

export const take = (mode: "cut" | "mix") => ask({ type: "take", mode });
export const undo = () => ask({ type: "undo" });
export const toggleMute = (site: ConsoleSite) => ask({ type: "mute", site: site.id, muted: !site.muted });

/** On; off; or, when an operator's take holds it, on again. */
export function toggleAutomatic(): void {
  const current = state.value;
  if (current) void ask({ type: "automatic", on: !current.automatic || current.held !== null });
}

/** First key: armed for three seconds. Second key: the slate goes on, or away. */
export function slateKey(): void {
  if (slateArmed.value) confirmSlate();
  else slateArmed.value = true;
}

export function confirmSlate(): void {
  if (!slateArmed.value) return;
  slateArmed.value = false;
  void ask({ type: "slate", on: !state.value?.slate });
}

effect(() => {
  if (!slateArmed.value) return;
  const timer = setTimeout(() => (slateArmed.value = false), ARMED_MS);
  return () => clearTimeout(timer);
});

/** A person as a strip, in the consultation's first language whatever this page speaks. */
export function stripOf(person: ConsoleSite["people"][number]): Strip {
  const first = boot.languages[0] ?? "zh";
  const plain = (text: Text | string) => (typeof text === "string" ? text : text[first] || text.zh || text.en);
  return { name: plain(person.name), title: plain(person.title) };
}
