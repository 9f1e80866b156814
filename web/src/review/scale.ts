// Between UTC milliseconds and pixels of the timeline; pure.
export interface View {
  from: number;
  until: number;
}

export const toX = (view: View, width: number, utc: number): number =>
  ((utc - view.from) / (view.until - view.from)) * width;

export const toUtcAt = (view: View, width: number, x: number): number =>
  view.from + (Math.max(0, Math.min(width, x)) / width) * (view.until - view.from);

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Round moments, at least `room` pixels apart; `shift` in ms makes them round in the shown zone. */
export function ticks(view: View, width: number, room: number, shift: number): number[] {
  const perPixel = (view.until - view.from) / Math.max(1, width);
  const step = (STEPS_S.find((each) => each * 1000 >= perPixel * room) ?? 86_400) * 1000;
  const found: number[] = [];
  for (let at = Math.ceil((view.from + shift) / step) * step - shift; at <= view.until; at += step) found.push(at);
  return found;
}

/** As much of a text as fits into that many pixels at 13 px: a Han letter is 13 px wide, others 7. */
export function fit(text: string, pixels: number): string {
  let used = 0;
  for (let index = 0; index < text.length; index += 1) {
    used += text.charCodeAt(index) > 0x2e7f ? 13 : 7.2;
    if (used > pixels) return index > 1 ? `${text.slice(0, index - 1)}…` : "";
  }
  return text;
}

/** The part of the whole that is shown: `zoom` times enlarged, beginning at `start`. */
export function viewOf(extent: View, zoom: number, start: number): View {
  const length = (extent.until - extent.from) / zoom;
  const from = Math.max(extent.from, Math.min(start, extent.until - length));
  return { from, until: from + length };
}
