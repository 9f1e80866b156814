// The one place that knows which moment is shown; everything on the page reads it or moves it.
import { computed, signal } from "@preact/signals";
import { clock, language, say } from "../lib/i18n";
import type { Stream } from "../watch/stream";
import { toUtc } from "../watch/timemap";
import { timeOfDay, type Zone } from "../watch/times";
import { consultation } from "./archive";
import { chapterAt, lastMoment, type Chapter, type Text } from "./model";
import { words } from "./words";

export const stream = signal<Stream | null>(null);
export const site = signal<string | null>(null);
export const zone = signal<Zone>("local");
export const rate = signal(1);
export const sound = signal<"program" | "site" | "none">("program");

/** UTC ms of the picture that is shown, or null before the program's playlist is known. */
export const moment = computed<number | null>(() => {
  const playing = stream.value;
  return playing ? toUtc(playing.spans.value, playing.time.value) : null;
});

/** From the first moment of the consultation to the last that is known. */
export const extent = computed<{ from: number; until: number }>(() => {
  const whole = consultation.value;
  if (!whole) return { from: 0, until: 1 };
  const spans = stream.value?.spans.value ?? [];
  const last = spans[spans.length - 1];
  const recorded = last ? last.utc + last.duration * 1000 : 0;
  const from = Math.min(whole.started, spans[0]?.utc ?? whole.started);
  return { from, until: Math.max(from + 1000, lastMoment(whole), recorded) };
});

export const chapters = computed<Chapter[]>(() => consultation.value?.chapters ?? []);
export const current = computed(() => (moment.value === null ? -1 : chapterAt(chapters.value, moment.value)));

export function go(utc: number): void {
  stream.value?.seekUtc(utc);
}

export function skip(seconds: number): void {
  const playing = stream.value;
  playing?.seek(playing.video.currentTime + seconds);
}

/** The chapter before or after this one; "before" within the first 3 s of one, else its begin. */
export function stepChapter(by: 1 | -1): void {
  const now = moment.value;
  if (now === null) return;
  const starts = chapters.value.map((chapter) => chapter.at);
  const target = by > 0 ? starts.find((at) => at > now + 200) : starts.filter((at) => at < now - 3000).pop();
  if (target !== undefined) go(target);
}

export function setRate(next: number): void {
  rate.value = next;
  if (stream.value) stream.value.video.playbackRate = next;
}

// ---------------------------------------------------------------- how things are written

export const offset = (utc: number): string => clock(utc - extent.value.from);
export const wall = (utc: number): string => timeOfDay(utc, zone.value);

export const names = (chapter: Chapter): string => {
  const all = chapter.names.map((name) => say(name)).filter(Boolean);
  const shown = all.length ? all : chapter.sites.map(siteName);
  return shown.length ? shown.join(language.value === "zh" ? "、" : ", ") : words.value.layout_slate;
};

export function siteName(id: string): string {
  const track = consultation.value?.tracks.find((each) => each.site === id);
  return track ? say(track.name as Text | string) || id : id;
}

/** "operator:anna" → anna, "site:school" → its name; the machine in words. */
export function person(who: string): string {
  const [kind, name] = who.includes(":") ? [who.slice(0, who.indexOf(":")), who.slice(who.indexOf(":") + 1)] : ["", who];
  if (kind === "site") return siteName(name);
  if (/^auto/.test(name)) return words.value.automatic;
  return name === "system" || name === "" ? words.value.system : name;
}

export function layoutName(layout: string): string {
  const known = words.value as unknown as Record<string, string>;
  return known[`layout_${layout}`] ?? layout;
}

/** Sites keep their colour all over the page. Red, green and amber mean other things here. */
const HUES = ["#2f5fb3", "#7a4fb0", "#0b7285", "#9c3f86", "#8a5a2b", "#4f5d9e", "#56697b", "#5c3d99", "#1d6f93", "#7d4a63"];

export const colours = computed<Map<string, string>>(() => {
  const sites = consultation.value?.tracks.filter((track) => track.kind === "site").map((track) => track.site) ?? [];
  for (const chapter of chapters.value) for (const each of chapter.sites) if (!sites.includes(each)) sites.push(each);
  return new Map(sites.map((each, index) => [each, HUES[index % HUES.length]!]));
});
