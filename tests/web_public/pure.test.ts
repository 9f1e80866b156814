// The parts of the public pages that decide and do not draw. Run by test_pure.py under node.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findDate } from "../../web/src/review/clip-start";
import { chapterAt, eventSign, findChapters, isCovered, nextCovered, recordState } from "../../web/src/review/model";
import { readMoment, writeMoment } from "../../web/src/review/moment";
import { fit, ticks, toUtcAt, toX, viewOf } from "../../web/src/review/scale";
import { Backoff } from "../../web/src/watch/backoff";
import { History } from "../../web/src/watch/history";
import { curtainOf, storyOf } from "../../web/src/watch/story";
import { joinSpans, toMedia, toUtc } from "../../web/src/watch/timemap";
import { clock, day, length, size, timeOfDay, zoneName } from "../../web/src/watch/times";

test("segments that follow each other are one span, an interruption begins another", () => {
  const spans = joinSpans([
    { media: 0, duration: 2, utc: 1000 },
    { media: 2, duration: 2, utc: 3001 },
    { media: 4, duration: 2, utc: 15_000 },
  ]);
  assert.equal(spans.length, 2);
  assert.equal(toUtc(spans, 3), 4000);
  assert.equal(toUtc(spans, 5), 16_000);
  assert.equal(toMedia(spans, 16_000), 5);
  assert.equal(toMedia(spans, 9000), 4, "inside the gap: the first moment after it");
  assert.equal(toMedia(spans, 0), 0);
  assert.equal(toMedia(spans, 99_000), 6);
  assert.equal(toUtc([], 1), null);
});

test("every media time comes back from UTC", () => {
  const spans = joinSpans(Array.from({ length: 50 }, (_, index) => (
    { media: index * 2, duration: 2, utc: 1e12 + index * 2000 + (index > 20 ? 7000 : 0) }
  )));
  for (let media = 0; media < 100; media += 0.37) {
    assert.ok(Math.abs(toMedia(spans, toUtc(spans, media)!)! - media) < 1e-3);
  }
});

test("moments in addresses", () => {
  assert.deepEqual(readMoment("#t=754"), { second: 754 });
  assert.deepEqual(readMoment("#t=12m34s"), { second: 754 });
  assert.deepEqual(readMoment("#t=1:02:03.5"), { second: 3723.5 });
  assert.deepEqual(readMoment("#site=a&t=2026-11-21T01:30:05Z"), { utc: Date.UTC(2026, 10, 21, 1, 30, 5) });
  for (const bad of ["", "#t=", "#t=x", "#t=2026-99-99T99:99:99Z", "#t=1:99:99:99"]) {
    assert.equal(readMoment(bad), null, bad);
  }
  const utc = Date.UTC(2026, 10, 21, 1, 30, 5, 300);
  assert.equal(writeMoment(utc), "t=2026-11-21T01:30:05.3Z");
  assert.deepEqual(readMoment(`#${writeMoment(utc)}`), { utc });
});

test("dates and lengths as people read them", () => {
  const utc = Date.UTC(2026, 10, 21, 9, 5, 3);
  assert.equal(day(utc, "zh", "utc"), "2026年11月21日");
  assert.equal(day(utc, "en", "utc"), "21 November 2026");
  assert.equal(timeOfDay(utc, "utc"), "09:05:03");
  assert.equal(zoneName(utc, "utc"), "UTC");
  assert.equal(clock(3723.9), "1:02:03");
  assert.equal(length(75, "zh"), "1 分 15 秒");
  assert.equal(length(3700, "en"), "1 h 1 min");
  assert.equal(size(34_500_000), "34.5 MB");
});

const chapter = (at: number, until: number | null, name: string) => (
  { at, until, sites: [name], names: [{ zh: name, en: name }], layout: "full", strip: null, by: "operator:anna" }
);

test("which chapter is on air", () => {
  const chapters = [chapter(0, 10, "a"), chapter(10, 20, "b"), chapter(30, null, "c")];
  assert.deepEqual([-1, 0, 9, 10, 20, 29, 30, 999].map((at) => chapterAt(chapters, at)), [-1, 0, 0, 1, -1, -1, 2, 2]);
  assert.equal(findChapters(chapters, "  ANNA b ").length, 1);
  assert.equal(findChapters(chapters, "").length, 3);
});

test("what was recorded of a site", () => {
  const segment = (started: number, ended: number | null, sha256: string | null) => (
    { file: "f", started, ended, bytes: 1, codec: "vp8", sha256 }
  );
  const track = { site: "a", name: "a", kind: "site" as const, segments: [segment(0, 10, "x"), segment(20, null, null)] };
  assert.deepEqual([5, 15, 25].map((at) => isCovered(track, at)), [true, false, true]);
  assert.equal(nextCovered(track, 15), 20);
  assert.equal(nextCovered(track, 25), null);
  const whole = { id: "i", title: "t", live: true, started: 0, ended: null, tracks: [track], chapters: [], events: [] };
  assert.equal(recordState(whole), "recording");
  assert.equal(recordState({ ...whole, live: false, ended: 30 }), "open-ended");
  const closed = { ...track, segments: [segment(0, 10, "x")] };
  assert.equal(recordState({ ...whole, live: false, ended: 30, tracks: [closed] }), "sealed");
});

test("signs of events", () => {
  assert.deepEqual(["take", "site-joined", "site-lost", "mute"].map(eventSign), ["take", "join", "loss", "other"]);
});

test("the timeline's scale", () => {
  const view = viewOf({ from: 0, until: 3_600_000 }, 4, 3_000_000);
  assert.deepEqual(view, { from: 2_700_000, until: 3_600_000 });
  assert.equal(toUtcAt(view, 900, toX(view, 900, 3_000_000)), 3_000_000);
  const found = ticks(view, 900, 84, 0);
  assert.deepEqual(found.slice(0, 2), [2_760_000, 2_880_000]);
  assert.ok(ticks({ from: 0, until: 1e12 }, 1, 84, 0).length < 20_000);
  assert.equal(fit("长沙主会场", 30), "长…");
  assert.equal(fit("长沙主会场", 5), "");
  assert.equal(fit("abc", 100), "abc");
});

const quiet = { phase: "ready" as const, finished: false };

test("what a viewer is told", () => {
  const said = (live: boolean, since: number | null, slate = false) => ({ live, live_since: since, slate });
  assert.equal(storyOf(said(true, 1), quiet, true), "live");
  assert.equal(storyOf(said(true, 1, true), quiet, true), "slate");
  assert.equal(storyOf(said(false, null), quiet, false), "before");
  assert.equal(storyOf(said(false, null), quiet, true), "ended");
  assert.equal(storyOf(said(false, 1), quiet, true), "interrupted");
  assert.equal(storyOf(said(false, 1), { ...quiet, finished: true }, true), "ended");
  assert.equal(storyOf(said(true, 1), { ...quiet, finished: true }, true), "live");
  assert.equal(storyOf(null, quiet, false), "live");
  assert.equal(storyOf(null, { phase: "retrying", finished: false }, false), "unknown");
});

test("what stands in the picture's place", () => {
  const stream = { phase: "ready" as const, pictured: false, started: false, blocked: false, atEnd: false };
  assert.equal(curtainOf("live", stream), "opening");
  assert.equal(curtainOf("live", { ...stream, pictured: true }), "none");
  assert.equal(curtainOf("live", { ...stream, blocked: true }), "touch");
  assert.equal(curtainOf("before", { ...stream, phase: "absent" }), "before");
  assert.equal(curtainOf("live", { ...stream, phase: "absent" }), "soon");
  assert.equal(curtainOf("ended", { ...stream, pictured: true }), "ended");
  assert.equal(curtainOf("ended", { ...stream, pictured: true, started: true }), "none");
  assert.equal(curtainOf("unknown", { ...stream, phase: "retrying" }), "broken");
  assert.equal(curtainOf("interrupted", { ...stream, phase: "retrying" }), "interrupted");
});

test("names belong to the moment in the picture", () => {
  const history = new History<string>();
  assert.equal(history.at(0), null);
  history.add(1000, "a");
  history.add(2000, "b");
  assert.deepEqual([0, 1500, 2000, 9000].map((at) => history.at(at)), ["a", "a", "b", "b"]);
});

test("pauses between attempts grow to four seconds", () => {
  const backoff = new Backoff();
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => backoff.next()), [500, 1000, 2000, 4000, 4000, 4000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("the date in the head of a WebM file", () => {
  const bytes = new Uint8Array(32);
  const utc = Date.UTC(2026, 10, 21, 1, 30, 5, 250);
  bytes.set([0x44, 0x61, 0x88], 7);
  new DataView(bytes.buffer).setBigInt64(10, BigInt(utc - Date.UTC(2001, 0, 1)) * 1_000_000n);
  assert.equal(findDate(bytes), utc);
  assert.equal(findDate(bytes.subarray(0, 12)), null);
  assert.equal(findDate(new Uint8Array(5)), null);
});
