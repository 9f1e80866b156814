/** What the archive says of a consultation, and the questions that the review page asks of it. */
export interface Text {
  zh: string;
  en: string;
}

export interface Segment {
  file: string;
  started: number; // UTC ms
  ended: number | null; // null: still being written
  bytes: number;
  codec: string;
  sha256: string | null; // null: not closed yet
}

export interface Track {
  site: string; // site id, or "program"
  name: Text | string;
  kind: "program" | "site";
  segments: Segment[];
}

export interface Chapter {
  at: number;
  until: number | null; // null: still on air
  sites: string[];
  names: (Text | string)[];
  layout: string;
  strip: { name: string; title?: string } | null;
  by: string;
}

export interface Happening {
  at: number;
  kind: string;
  who: string;
  text: Text;
}

export interface Summary {
  id: string;
  title: Text | string;
  live: boolean;
  started: number | null;
  ended: number | null;
  duration_s: number;
  bytes: number;
}

export interface Consultation {
  id: string;
  title: Text | string;
  live: boolean;
  started: number;
  ended: number | null;
  tracks: Track[];
  chapters: Chapter[];
  events: Happening[];
}

/** Is it still being written, closed with every file hashed, or closed with files that are not? */
export type RecordState = "recording" | "sealed" | "open-ended";

export function recordState(consultation: Consultation): RecordState {
  if (consultation.live || consultation.ended === null) return "recording";
  const hashed = consultation.tracks.every((track) => track.segments.every((segment) => segment.sha256));
  return hashed ? "sealed" : "open-ended";
}

/** Index of the chapter that is on air at a moment, or -1. */
export function chapterAt(chapters: readonly Chapter[], utc: number): number {
  for (let index = chapters.length - 1; index >= 0; index -= 1) {
    const chapter = chapters[index]!;
    if (chapter.at <= utc) return chapter.until === null || utc < chapter.until ? index : -1;
  }
  return -1;
}

/** Was this site being recorded at that moment? */
export function isCovered(track: Track | undefined, utc: number): boolean {
  return !!track?.segments.some(
    (segment) => segment.started <= utc && (segment.ended === null || utc < segment.ended),
  );
}

/** The next moment at which the site is recorded, or null. */
export function nextCovered(track: Track | undefined, utc: number): number | null {
  const later = (track?.segments ?? []).map((segment) => segment.started).filter((at) => at > utc);
  return later.length ? Math.min(...later) : null;
}

/** The last moment that is known: the end, or the newest thing that the archive tells. */
export function lastMoment(consultation: Consultation): number {
  if (consultation.ended !== null) return consultation.ended;
  const known = [consultation.started];
  for (const chapter of consultation.chapters) known.push(chapter.until ?? chapter.at);
  for (const event of consultation.events) known.push(event.at);
  return Math.max(...known);
}

export function siteTracks(consultation: Consultation): Track[] {
  return consultation.tracks.filter((track) => track.kind === "site");
}

/** Which of the events stand in the lanes, and with which sign. */
export function eventSign(kind: string): "take" | "join" | "loss" | "other" {
  if (/take|cut|mix|undo/.test(kind)) return "take";
  if (/join|return|back|start|restored|open/.test(kind)) return "join";
  if (/lost|loss|left|leave|gone|silent|fail|drop/.test(kind)) return "loss";
  return "other";
}

/** Chapters whose names, strip or operator contain every word that is looked for. */
export function findChapters(chapters: readonly Chapter[], words: string): Chapter[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [...chapters];
  return chapters.filter((chapter) => {
    const names = chapter.names.map((name) => (typeof name === "string" ? name : `${name.zh} ${name.en}`));
    const all = [...names, ...chapter.sites, chapter.strip?.name, chapter.strip?.title, chapter.by]
      .join(" ")
      .toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}
