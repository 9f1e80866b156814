/** Dates, times of day, lengths and sizes as people read them. */
export type Zone = "local" | "utc";

function parts(utc: number, zone: Zone) {
  const date = new Date(utc);
  const of = (local: number, universal: number) => (zone === "local" ? local : universal);
  return {
    year: of(date.getFullYear(), date.getUTCFullYear()),
    month: of(date.getMonth(), date.getUTCMonth()) + 1,
    day: of(date.getDate(), date.getUTCDate()),
    hour: of(date.getHours(), date.getUTCHours()),
    minute: of(date.getMinutes(), date.getUTCMinutes()),
    second: of(date.getSeconds(), date.getUTCSeconds()),
  };
}

const two = (value: number) => String(value).padStart(2, "0");

const MONTHS = [
  "January", "February", "March", "April", "May", "June", "July",
  "August", "September", "October", "November", "December",
]; // prettier-ignore

/** 2026年11月21日 · 21 November 2026 */
export function day(utc: number, language: string, zone: Zone = "local"): string {
  const at = parts(utc, zone);
  if (language === "zh") return `${at.year}年${at.month}月${at.day}日`;
  return `${at.day} ${MONTHS[at.month - 1]} ${at.year}`;
}

/** 09:30:05 */
export function timeOfDay(utc: number, zone: Zone = "local"): string {
  const at = parts(utc, zone);
  return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
}

/** 09:30 */
export function hourMinute(utc: number, zone: Zone = "local"): string {
  return timeOfDay(utc, zone).slice(0, 5);
}

/** UTC+8, UTC−3:30 */
export function zoneName(utc: number, zone: Zone): string {
  if (zone === "utc") return "UTC";
  const minutes = -new Date(utc).getTimezoneOffset();
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${two(size % 60)}` : "";
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** 0:07, 12:34, 1:02:03 */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours) return `${hours}:${two(minutes)}:${two(whole % 60)}`;
  return `${minutes}:${two(whole % 60)}`;
}

/** 1 小时 2 分 · 1 h 2 min; below a minute in seconds */
export function length(seconds: number, language: string): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  const zh = language === "zh";
  if (hours) return zh ? `${hours} 小时 ${minutes} 分` : `${hours} h ${minutes} min`;
  if (minutes) return zh ? `${minutes} 分 ${rest} 秒` : `${minutes} min ${rest} s`;
  return zh ? `${rest} 秒` : `${rest} s`;
}

/** 512 kB, 34.5 MB, 1.20 GB (powers of ten, as disks are sold) */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

export function figure(value: number, language: string): string {
  return value.toLocaleString(language === "zh" ? "zh-CN" : "en-GB");
}
