// The words beside the picture: chapters, events, files. One press goes to the moment.
import { useSignal, useSignalEffect } from "@preact/signals";
import { Download, FileText, LogIn, LogOut, Play, Scissors, StickyNote } from "lucide";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { language, say } from "../lib/i18n";
import { Icon } from "../lib/ui/icon";
import { length, size } from "../watch/times";
import { base, consultation } from "./archive";
import { chapters, colours, current, extent, go, layoutName, names, offset, person, wall } from "./desk";
import { eventSign, findChapters, type Chapter, type Happening, type Segment, type Track } from "./model";
import { words } from "./words";

const LONG = 150; // beyond this, what is out of sight is not laid out

type Tab = "chapters" | "happenings" | "downloads";
const TABS: Tab[] = ["chapters", "happenings", "downloads"];

export function Panel() {
  const w = words.value;
  const tab = useSignal<Tab>("chapters");
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    tab.value = TABS[(TABS.indexOf(tab.value) + step + TABS.length) % TABS.length]!;
    list.current?.querySelector<HTMLElement>(`#tab-${tab.value}`)?.focus();
  };
  return (
    <section class="panel">
      <div class="tabs" role="tablist" aria-label={w.page} ref={list} onKeyDown={move}>
        {TABS.map((each) => (
          <button type="button" role="tab" key={each} id={`tab-${each}`} aria-selected={tab.value === each}
            aria-controls="panel" tabIndex={tab.value === each ? 0 : -1} onClick={() => (tab.value = each)}>
            {w[each]}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab.value}`} class="sheet" tabIndex={0}>
        {tab.value === "chapters" && <Chapters />}
        {tab.value === "happenings" && <Happenings />}
        {tab.value === "downloads" && <Files />}
      </div>
    </section>
  );
}

function Empty({ children }: { children: ComponentChildren }) {
  return <p class="quiet nothing">{children}</p>;
}

// ---------------------------------------------------------------- chapters

function Chapters() {
  const w = words.value;
  const wanted = useSignal("");
  const box = useRef<HTMLOListElement>(null);
  useSignalEffect(() => {
    if (current.value < 0) return;
    keepInView(box.current?.querySelector('[aria-current="true"]') ?? null);
  });
  const all = chapters.value;
  if (all.length === 0) return <Empty>{w.noChapters}</Empty>;
  const found = findChapters(all, wanted.value);
  return (
    <>
      <div class="find">
        <input type="search" class="field" aria-label={w.find} placeholder={w.find} value={wanted.value}
          onInput={(event) => (wanted.value = event.currentTarget.value)} />
        <p class="quiet" role="status">{w.found(found.length, all.length)}</p>
      </div>
      {found.length === 0 && <Empty>{w.noFound}</Empty>}
      <ol class="items" ref={box}>
        {found.map((chapter) => <ChapterItem key={chapter.at} chapter={chapter} isNow={all[current.value] === chapter} />)}
      </ol>
    </>
  );
}

function ChapterItem({ chapter, isNow }: { chapter: Chapter; isNow: boolean }) {
  const w = words.value;
  const lasted = ((chapter.until ?? extent.value.until) - chapter.at) / 1000;
  const strip = chapter.strip ? [say(chapter.strip.name), say(chapter.strip.title)].filter(Boolean).join(" ") : "";
  return (
    <li>
      <button type="button" class="item" aria-current={isNow} onClick={() => go(chapter.at)}>
        <span class="when figures"><time>{wall(chapter.at)}</time><small>{offset(chapter.at)}</small></span>
        <span class="what">
          <strong>{chapter.sites.map((each) => <i key={each} class="swatch" style={{ background: colours.value.get(each) }} />)}
            {names(chapter)}</strong>
          {strip && <span>{strip}</span>}
          <span class="quiet">
            {layoutName(chapter.layout)} · {w.by(person(chapter.by))} · {chapter.until === null ? w.stillOn : length(lasted, language.value)}
          </span>
          {isNow && <span class="now"><Icon of={Play} />{w.now}</span>}
        </span>
      </button>
    </li>
  );
}

function keepInView(item: Element | null): void {
  const sheet = item?.closest<HTMLElement>(".sheet");
  if (!item || !sheet || sheet.scrollHeight <= sheet.clientHeight) return;
  const [top, box] = [item.getBoundingClientRect(), sheet.getBoundingClientRect()];
  if (top.top < box.top + 90 || top.bottom > box.bottom) sheet.scrollTop += top.top - box.top - 110;
}

// ---------------------------------------------------------------- events

const signs = { take: Scissors, join: LogIn, loss: LogOut, other: StickyNote };

function Happenings() {
  const events = consultation.value?.events ?? [];
  if (events.length === 0) return <Empty>{words.value.noEvents}</Empty>;
  return <ol class={`items ${events.length > LONG ? "long" : ""}`}>{events.map((event, index) => <EventItem key={`${event.at} ${index}`} event={event} />)}</ol>;
}

function EventItem({ event }: { event: Happening }) {
  const sign = eventSign(event.kind);
  return (
    <li>
      <button type="button" class="item" onClick={() => go(event.at)}>
        <span class="when figures"><time>{wall(event.at)}</time><small>{offset(event.at)}</small></span>
        <span class={`what event ${sign}`}>
          <span class="with-icon"><Icon of={signs[sign]} />{say(event.text)}</span>
          <span class="quiet">{person(event.who)}</span>
        </span>
      </button>
    </li>
  );
}

// ---------------------------------------------------------------- files

function Files() {
  const w = words.value;
  const tracks = consultation.value?.tracks ?? [];
  return (
    <div class="files">
      <a class="button wide" href={`${base}/journal`} download={`${consultation.value?.id ?? "journal"}.jsonl`}>
        <Icon of={FileText} /><span>{w.journal}</span>
      </a>
      {tracks.length === 0 && <Empty>{w.noFiles}</Empty>}
      {tracks.map((track) => <TrackFiles key={track.site} track={track} />)}
    </div>
  );
}

function TrackFiles({ track }: { track: Track }) {
  return (
    <section>
      <h3><i class="swatch" style={{ background: colours.value.get(track.site) ?? "var(--edge)" }} />{say(track.name)}</h3>
      <ul>{track.segments.map((segment) => <FileItem key={segment.file} segment={segment} />)}</ul>
    </section>
  );
}

function FileItem({ segment }: { segment: Segment }) {
  const w = words.value;
  const until = segment.ended === null ? w.writing : wall(segment.ended);
  const path = segment.file.split("/").map(encodeURIComponent).join("/");
  return (
    <li class="file">
      <div>
        <button type="button" class="link figures" onClick={() => go(segment.started)}>{w.from(wall(segment.started), until)}</button>
        <span class="quiet">{segment.codec} · {size(segment.bytes)}</span>
        <span class="quiet hash" title={segment.sha256 ?? ""}>
          {segment.sha256 ? <>{w.hash} <code>{segment.sha256.slice(0, 16)}…</code></> : w.unhashed}
        </span>
      </div>
      <a class="button small" href={`${base}/files/${path}?download=1`} download aria-label={`${w.download} ${segment.file}`}>
        <Icon of={Download} /><span>{w.download}</span>
      </a>
    </li>
  );
}

