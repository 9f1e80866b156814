/**
 * Between the seconds of a media element and wall-clock time.
 *
 * A playlist names the UTC time of its segments (EXT-X-PROGRAM-DATE-TIME). Where the program was
 * interrupted, media time goes on while wall-clock time jumps: hence a list of spans, not one offset.
 */
export interface Span {
  /** Media time in seconds at which the span begins. */
  media: number;
  /** Length in seconds. */
  duration: number;
  /** UTC milliseconds at which the span begins. */
  utc: number;
}

/** Neighbouring segments that agree to within this are one span (encoders round to the frame). */
const TOLERANCE_MS = 250;

/** Join the segments of a playlist, in order, into as few spans as possible. */
export function joinSpans(segments: readonly Span[]): Span[] {
  const spans: Span[] = [];
  for (const segment of segments) {
    const last = spans[spans.length - 1];
    if (last && Math.abs(last.utc + (segment.media - last.media) * 1000 - segment.utc) < TOLERANCE_MS) {
      last.duration = segment.media + segment.duration - last.media;
    } else {
      spans.push({ ...segment });
    }
  }
  return spans;
}

/** UTC milliseconds of a media time, or null when the playlist does not say. */
export function toUtc(spans: readonly Span[], media: number): number | null {
  const first = spans[0];
  if (!first) return null;
  let found = first;
  for (const span of spans) {
    if (span.media <= media) found = span;
    else break;
  }
  return found.utc + (media - found.media) * 1000;
}

/** Media time of a UTC time; inside a gap the first moment after it; outside, the nearest end. */
export function toMedia(spans: readonly Span[], utc: number): number | null {
  const first = spans[0];
  if (!first) return null;
  if (utc <= first.utc) return first.media;
  for (const span of spans) {
    if (utc < span.utc) return span.media;
    if (utc < span.utc + span.duration * 1000) return span.media + (utc - span.utc) / 1000;
  }
  const last = spans[spans.length - 1]!;
  return last.media + last.duration;
}
