// The timeline: who was on air, name strips, each site's presence, what happened; drawn as SVG.
// Whatever it shows stands also in the lists beside the picture, for those who cannot see it.
import { computed, effect, signal, useSignal } from "@preact/signals";
import { Expand, Video, ZoomIn, ZoomOut } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { say } from "../lib/i18n";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { consultation } from "./archive";
import { chapters, colours, current, extent, go, moment, names, offset, site, sound, stream, wall, zone } from "./desk";
import { chapterAt, eventSign, siteTracks, type Chapter, type Track } from "./model";
import { fit, ticks, toUtcAt, toX, viewOf, type View } from "./scale";
import { words } from "./words";

const AXIS = 26;
const PROGRAM = 34;
const ROW = 26;
const MAX_ZOOM = 64;

const zoom = signal(1);
const start = signal(0);
const view = computed<View>(() => viewOf(extent.value, zoom.value, start.value));

function enlarge(factor: number): void {
  const centre = moment.value ?? extent.value.from;
  zoom.value = Math.max(1, Math.min(MAX_ZOOM, zoom.value * factor));
  start.value = centre - (extent.value.until - extent.value.from) / zoom.value / 2;
}

/** While playing, the view turns its pages with the playhead. */
function followPlayhead(): () => void {
  return effect(() => {
    const now = moment.value;
    if (now === null || zoom.value === 1 || !stream.value?.playing.value) return;
    const { from, until } = view.peek();
    if (now < from || now > until) start.value = now - (until - from) * 0.1;
  });
}

export function Lanes() {
  const w = words.value;
  const tracks = consultation.value ? siteTracks(consultation.value) : [];
  useEffect(followPlayhead, []);
  return (
    <section class="lanes" aria-labelledby="lanes">
      <header>
        <h2 id="lanes">{w.timeline}</h2>
        <p class="quiet legend">{w.legend}</p>
        <div class="row">
          <Button size="small" kind="plain" icon={ZoomOut} disabled={zoom.value === 1} onClick={() => enlarge(0.5)}>{w.zoomOut}</Button>
          <Button size="small" kind="plain" icon={ZoomIn} disabled={zoom.value === MAX_ZOOM} onClick={() => enlarge(2)}>{w.zoomIn}</Button>
          <Button size="small" kind="plain" icon={Expand} disabled={zoom.value === 1} onClick={() => (zoom.value = 1)}>{w.whole}</Button>
        </div>
      </header>
      <div class="lane-box">
        <Labels tracks={tracks} />
        <Tracks tracks={tracks} />
      </div>
    </section>
  );
}

function Labels({ tracks }: { tracks: Track[] }) {
  const w = words.value;
  return (
    <div class="labels" style={{ paddingTop: `${AXIS}px` }}>
      <div class="label" style={{ height: `${PROGRAM}px` }}>{w.onAir}</div>
      <div class="label" style={{ height: `${ROW}px` }}>{w.strips}</div>
      <div class="label" style={{ height: `${ROW}px` }}>{w.events}</div>
      {tracks.map((track) => (
        <div class="label" style={{ height: `${ROW}px` }} key={track.site}>
          <button type="button" aria-pressed={site.value === track.site} title={w.chooseSite(say(track.name))}
            aria-label={w.chooseSite(say(track.name))} onClick={() => chooseSite(track.site)}>
            <i class="swatch" style={{ background: colours.value.get(track.site) }} />
            <span>{say(track.name)}</span>
            <Icon of={Video} />
          </button>
        </div>
      ))}
    </div>
  );
}

function chooseSite(id: string): void {
  site.value = site.value === id ? null : id;
  if (site.value === null && sound.value === "site") sound.value = "program";
}

function Tracks({ tracks }: { tracks: Track[] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const hover = useSignal<number | null>(null);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => (width.value = Math.floor(entry!.contentRect.width)));
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  const height = AXIS + PROGRAM + ROW * (2 + tracks.length);
  const at = (event: PointerEvent) =>
    toUtcAt(view.value, width.value, event.clientX - box.current!.getBoundingClientRect().left);
  const { from, until } = extent.value;
  const now = moment.value ?? from;
  return (
    <div class="tracks" ref={box} role="slider" tabIndex={0} aria-label={words.value.position}
      aria-valuemin={0} aria-valuemax={Math.round((until - from) / 1000)} aria-valuenow={Math.round((now - from) / 1000)}
      aria-valuetext={spoken(now)} style={{ height: `${height}px` }}
      onKeyDown={byKey}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        go(at(event));
      }}
      onPointerMove={(event) => {
        hover.value = at(event);
        if (event.currentTarget.hasPointerCapture(event.pointerId)) go(hover.value);
      }}
      onPointerLeave={() => (hover.value = null)}>
      {width.value > 0 && <Drawing tracks={tracks} width={width.value} height={height} />}
      {width.value > 0 && <Playhead width={width.value} />}
      {hover.value !== null && <Hover utc={hover.value} width={width.value} />}
    </div>
  );
}

function spoken(utc: number): string {
  const chapter = chapters.value[current.value];
  return [wall(utc), chapter ? names(chapter) : ""].filter(Boolean).join(" ");
}

function byKey(event: KeyboardEvent): void {
  const now = moment.value ?? extent.value.from;
  const steps: Record<string, number> = {
    ArrowLeft: now - 5000, ArrowRight: now + 5000, ArrowDown: now - 5000, ArrowUp: now + 5000,
    PageDown: now - 60_000, PageUp: now + 60_000, Home: extent.value.from, End: extent.value.until,
  }; // prettier-ignore
  const target = steps[event.key];
  if (target === undefined) return;
  event.preventDefault();
  go(target);
}

function Playhead({ width }: { width: number }) {
  const now = moment.value;
  if (now === null) return null;
  const x = toX(view.value, width, now);
  if (x < -1 || x > width + 1) return null;
  return <div class="playhead" style={{ transform: `translateX(${x.toFixed(1)}px)` }} />;
}

function Hover({ utc, width }: { utc: number; width: number }) {
  const x = toX(view.value, width, utc);
  const index = chapterAt(chapters.value, utc);
  const chapter = chapters.value[index];
  return (
    <div class={`hover ${x > width / 2 ? "left" : ""}`} style={{ transform: `translateX(${x.toFixed(0)}px)` }} aria-hidden="true">
      <p><strong class="figures">{wall(utc)}</strong> <span class="figures">{offset(utc)}</span>{chapter && <><br />{names(chapter)}</>}</p>
    </div>
  );
}

// ---------------------------------------------------------------- the drawing

interface DrawingProps { tracks: Track[]; width: number; height: number }

/** Drawn again only when the view, the data or the language changes, never by the playhead. */
function Drawing({ tracks, width, height }: DrawingProps) {
  const shown = view.value;
  const seen = chapters.value.filter((each) => (each.until ?? shown.until) > shown.from && each.at < shown.until);
  const rowOf = (index: number) => AXIS + PROGRAM + ROW * (2 + index);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <Axis width={width} height={height} />
      {seen.map((each) => <ProgramBlock key={each.at} chapter={each} width={width} />)}
      {seen.map((each, index) => <StripBlock key={each.at} chapter={each} before={seen[index - 1]} width={width} />)}
      <Signs width={width} />
      {tracks.map((track, index) => (
        <SiteLane key={track.site} track={track} y={rowOf(index)} width={width} seen={seen} />
      ))}
    </svg>
  );
}

function Axis({ width, height }: { width: number; height: number }) {
  const shift = zone.value === "local" ? -new Date(view.value.from).getTimezoneOffset() * 60_000 : 0;
  return (
    <g class="axis">
      {ticks(view.value, width, 84, shift).map((at) => {
        const x = Math.round(toX(view.value, width, at)) + 0.5;
        return <g key={at}><line x1={x} x2={x} y1={18} y2={height} />{x < width - 50 && <text x={x + 4} y={14}>{wall(at)}</text>}</g>;
      })}
    </g>
  );
}

function stretch(chapter: { at: number; until: number | null }, width: number): [number, number] {
  const left = Math.max(-4, toX(view.value, width, chapter.at));
  const right = Math.min(width + 4, toX(view.value, width, chapter.until ?? extent.value.until));
  return [left, Math.max(1.5, right - left - 1)];
}

function ProgramBlock({ chapter, width }: { chapter: Chapter; width: number }) {
  const [x, w] = stretch(chapter, width);
  const parts = chapter.sites.length || 1;
  const tall = (PROGRAM - 6) / Math.min(parts, 4);
  const text = fit(names(chapter), w - 12);
  return (
    <g class="program-block">
      {chapter.sites.slice(0, 4).map((each, index) => (
        <rect key={each} x={x} y={AXIS + 3 + tall * index} width={w} height={tall} fill={colours.value.get(each)} />
      ))}
      {parts === 1 && chapter.sites.length === 0 && <rect x={x} y={AXIS + 3} width={w} height={PROGRAM - 6} class="slate" />}
      {text && <text x={Math.max(x, 0) + 6} y={AXIS + PROGRAM / 2 + 5}>{text}</text>}
    </g>
  );
}

const stripText = (chapter: Chapter | undefined) => (chapter?.strip ? say(chapter.strip.name) : "");

function StripBlock({ chapter, before, width }: { chapter: Chapter; before: Chapter | undefined; width: number }) {
  const text = stripText(chapter);
  if (!text || (text === stripText(before) && before?.until === chapter.at)) return null;
  const [x, w] = stretch(chapter, width);
  const y = AXIS + PROGRAM;
  return (
    <g class="strip">
      <line x1={x} x2={x} y1={y + 5} y2={y + ROW - 5} />
      <text x={Math.max(x, 0) + 5} y={y + ROW / 2 + 5}>{fit(text, w - 8)}</text>
    </g>
  );
}

const drawSign = {
  take: "M0 -6V6", join: "M-5 4L0 -5L5 4Z", loss: "M-4 -4L4 4M4 -4L-4 4", other: "M0 -2A2 2 0 1 0 0.01 -2Z",
}; // prettier-ignore

function Signs({ width }: { width: number }) {
  const events = consultation.value?.events ?? [];
  const y = AXIS + PROGRAM + ROW * 1.5;
  const { from, until } = view.value;
  return (
    <g class="signs">
      {events.filter((each) => each.at >= from && each.at <= until).map((each, index) => {
        const sign = eventSign(each.kind);
        const x = toX(view.value, width, each.at);
        return <path key={index} class={sign} d={drawSign[sign]} transform={`translate(${x.toFixed(1)} ${y})`} />;
      })}
    </g>
  );
}

function SiteLane({ track, y, width, seen }: { track: Track; y: number; width: number; seen: Chapter[] }) {
  const colour = colours.value.get(track.site);
  const middle = y + ROW / 2;
  return (
    <g class="site-lane">
      {track.segments.map((segment) => {
        const [x, w] = stretch({ at: segment.started, until: segment.ended }, width);
        return x < width && x + w > 0 && <rect key={segment.file} class="recorded" x={x} y={middle - 2} width={w} height={4} />;
      })}
      {seen.filter((each) => each.sites.includes(track.site)).map((each) => {
        const [x, w] = stretch(each, width);
        return <rect key={each.at} x={x} y={middle - 9} width={w} height={18} rx={2} fill={colour} />;
      })}
      {losses(track).map((at) => {
        const x = toX(view.value, width, at);
        const place = `translate(${x.toFixed(1)} ${middle})`;
        return x >= 0 && x <= width && (
          <g key={at} transform={place}><path class="halo" d={drawSign.loss} /><path class="loss" d={drawSign.loss} /></g>
        );
      })}
    </g>
  );
}

/** A part of a track that ends more than half a second before the next begins: the line was lost. */
function losses(track: Track): number[] {
  return track.segments.flatMap((segment, index) => {
    const next = track.segments[index + 1];
    return segment.ended !== null && next && next.started - segment.ended > 500 ? [segment.ended] : [];
  });
}

