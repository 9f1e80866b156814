// The program and, beside it, one site at the same moment.
import { effect, useSignalEffect } from "@preact/signals";
import { Link2, Play, X } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { Stream } from "../watch/stream";
import { base, consultation } from "./archive";
import { Clip } from "./clip";
import { go, moment, rate, site, siteName, sound, stream, wall } from "./desk";
import { isCovered, nextCovered } from "./model";
import type { Moment } from "./moment";
import { words } from "./words";

export function Pictures({ begin }: { begin: Moment | null }) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  useEffect(() => {
    if (!video) return;
    const made = new Stream(video, `${base}/program.m3u8`, {
      kind: "record",
      beginAt: begin && "utc" in begin ? begin.utc : null,
      beginSecond: begin && "second" in begin ? begin.second : null,
    });
    stream.value = made;
    const timer = setTimeout(() => void made.open(), 0);
    return () => {
      clearTimeout(timer);
      made.close();
      stream.value = null;
    };
  }, [video]);
  useSignalEffect(() => stream.value?.setMuted(sound.value !== "program"));
  const w = words.value;
  const playing = stream.value;
  const nothing = playing?.phase.value === "absent" || (playing?.phase.value === "ready" && playing.end.value === 0);
  return (
    <div class={`pictures ${site.value ? "two" : ""}`}>
      <figure>
        <div class="picture">
          <video ref={setVideo} playsInline preload="auto" aria-label={w.program} onClick={() => playing?.toggle()} />
          {nothing && <div class="curtain" role="status"><p class="say">{w.empty}</p><p>{w.emptyText}</p></div>}
          {playing && !nothing && !playing.started.value && playing.pictured.value && (
            <button type="button" class="first-play" onClick={() => playing.toggle()}><Icon of={Play} />{w.play}</button>
          )}
          {playing?.phase.value === "unsupported" && <div class="curtain" role="alert"><p class="say">{w.unsupported}</p></div>}
        </div>
        <figcaption><strong>{w.program}</strong></figcaption>
      </figure>
      {site.value && <SitePicture key={site.value} id={site.value} />}
    </div>
  );
}

function SitePicture({ id }: { id: string }) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [clip, setClip] = useState<Clip | null>(null);
  useEffect(() => {
    const playing = stream.value;
    if (!video || !playing) return;
    const address = (utc: number) => {
      const track = consultation.value?.tracks.find((each) => each.site === id && each.kind === "site");
      if (!isCovered(track, utc)) return null;
      return `${base}/clip?site=${encodeURIComponent(id)}&from=${Math.round(utc)}`;
    };
    const made = new Clip(video, address, () => ({
      utc: playing.utc(),
      playing: playing.playing.value && !playing.waiting.value,
      rate: rate.value,
    }));
    setClip(made);
    const jumped = () => made.jumped();
    playing.video.addEventListener("seeked", jumped);
    return () => {
      playing.video.removeEventListener("seeked", jumped);
      made.close();
    };
  }, [video, id, stream.value]);
  useEffect(() => effect(() => {
    if (video) video.muted = sound.value !== "site" || !!clip?.running.value;
  }), [video, clip]);
  const name = siteName(id);
  return (
    <figure class="site">
      <div class="picture">
        <video ref={setVideo} playsInline muted preload="auto" aria-label={`${words.value.site}：${name}`} />
        {clip && <SiteCurtain clip={clip} id={id} />}
      </div>
      <figcaption>
        <strong>{name}</strong>
        {clip && <Step clip={clip} />}
        <Button kind="plain" size="small" icon={X} onClick={() => closeSite()}>{words.value.closeSite}</Button>
      </figcaption>
    </figure>
  );
}

function closeSite(): void {
  site.value = null;
  if (sound.value === "site") sound.value = "program";
}

function SiteCurtain({ clip, id }: { clip: Clip; id: string }) {
  const w = words.value;
  const phase = clip.phase.value;
  if (phase === "playing") return null;
  const track = consultation.value?.tracks.find((each) => each.site === id && each.kind === "site");
  const next = phase === "absent" && moment.value !== null ? nextCovered(track, moment.value) : null;
  const text = { loading: w.siteLoading, absent: w.siteAbsent, failed: w.siteFailed }[phase];
  return (
    <div class={`curtain ${phase}`} role="status">
      <p>{text}</p>
      {next !== null && <Button size="small" onClick={() => go(next)}>{w.siteNext(wall(next))}</Button>}
    </div>
  );
}

/** Whether the two pictures show the same moment; in words, for it is a claim about evidence. */
function Step({ clip }: { clip: Clip }) {
  const w = words.value;
  const drift = clip.drift.value;
  if (drift === null || clip.phase.value !== "playing") return null;
  const close = Math.abs(drift) <= 150;
  return <span class="step quiet figures"><Icon of={Link2} />{close ? w.inStep : w.drift(Math.abs(drift))}</span>;
}
