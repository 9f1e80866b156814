// Languages. A page has its own dictionary, complete in both languages: the type of the second
// is that of the first, so a missing or foreign key does not compile.
import { computed, signal } from "@preact/signals";
import { boot, type Language, type Text } from "./boot";

type Phrase = string | ((...values: never[]) => string);
type Same<D> = { [K in keyof D]: D[K] extends (...values: infer A) => string ? (...values: A) => string : string };

export const language = signal<Language>(boot.language);
const YEAR_S = 365 * 24 * 3600;

/** Change the language of the page at once, and of the next page by a cookie. */
export function speak(next: Language): void {
  language.value = next;
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  document.cookie = `linkup_lang=${next}; path=/; max-age=${YEAR_S}; SameSite=Lax`;
}

/** `const words = dictionary({join: "进入"}, {join: "Join"})`, then `words.value.join`. */
export function dictionary<const D extends Record<string, Phrase>>(zh: D, en: Same<D>) {
  return computed<Same<D>>(() => (language.value === "zh" ? (zh as unknown as Same<D>) : en));
}

/** A text of the server in the page's language (in the other one where it is missing). */
export function say(text: Text | string | null | undefined): string {
  if (!text) return "";
  if (typeof text === "string") return text;
  return language.value === "zh" ? text.zh || text.en : text.en || text.zh;
}

/** 2026年11月21日, 21 November 2026 */
export function date(at: number): string {
  const locale = language.value === "zh" ? "zh-CN" : "en-GB";
  return new Date(at).toLocaleDateString(locale, { year: "numeric", month: "long", day: "numeric" });
}

/** 14:02:07, in the reader's own zone */
export function time(at: number, seconds = true): string {
  return new Date(at).toLocaleTimeString("en-GB", {
    hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }),
  });
}

/** A length in ms as 0:42:17, or 42:17 below an hour. */
export function clock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`;
}

/** 12.3 MB */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (count >= 1000 && step < units.length - 1) { count /= 1000; step += 1; }
  return `${count < 10 && step ? count.toFixed(1) : Math.round(count)} ${units[step]}`;
}
