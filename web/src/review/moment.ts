/**
 * The moment in an address: `#t=2026-11-21T09:30:05Z` (wall clock, what the share button makes),
 * `#t=754` or `#t=754.5` (seconds from the beginning), `#t=12m34s`, `#t=1:02:03`.
 */
export type Moment = { utc: number } | { second: number };

export function readMoment(hash: string): Moment | null {
  const value = new URLSearchParams(hash.replace(/^#/, "")).get("t");
  if (!value) return null;
  if (/^\d{4}-\d\d-\d\dT/.test(value)) {
    const utc = Date.parse(value);
    return Number.isNaN(utc) ? null : { utc };
  }
  if (/^\d+(\.\d+)?$/.test(value)) return { second: Number(value) };
  const clock = /^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$/.exec(value);
  if (clock) return { second: Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) };
  const words = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(value);
  if (!words) return null;
  return { second: Number(words[1] ?? 0) * 3600 + Number(words[2] ?? 0) * 60 + Number(words[3] ?? 0) };
}

/** The part behind `#` for a UTC time, to the tenth of a second. */
export function writeMoment(utc: number): string {
  const iso = new Date(Math.round(utc / 100) * 100).toISOString();
  return `t=${iso.replace(/\.?0*Z$/, "Z")}`;
}
