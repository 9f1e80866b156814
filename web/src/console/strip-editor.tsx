// The name strip: choose a person of the sites in preview, or type.
import { Captions, Eraser, Radio } from "lucide";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Strip } from "../lib/protocol";
import { Button } from "../lib/ui/button";
import { ask, previewSites, previewStrip, siteOf, state, stripOf } from "./desk";
import { words } from "./words";

const name = signal("");
const title = signal("");

function typed(): Strip | null {
  return name.value.trim() ? { name: name.value.trim(), title: title.value.trim() } : null;
}

function choose(strip: Strip): void {
  name.value = strip.name;
  title.value = strip.title;
  previewStrip(strip);
}

export function StripEditor() {
  const w = words.value;
  const inPreview = state.value?.preview.strip;
  // What another desk put there is shown here too, unless somebody is typing just now.
  useEffect(() => {
    if (document.activeElement?.closest(".strip-editor form")) return;
    name.value = inPreview?.name ?? "";
    title.value = inPreview?.title ?? "";
  }, [inPreview?.name, inPreview?.title]);
  const send = (event: Event) => {
    event.preventDefault();
    previewStrip(typed());
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  };
  return (
    <section class="panel strip-editor">
      <h2>{w.strip}</h2>
      <People />
      <form onSubmit={send}>
        <div class="row pair"><input id="strip-name" maxLength={80} placeholder={w.stripName} aria-label={w.stripName} value={name.value}
          onInput={(event) => (name.value = event.currentTarget.value)} />
        <input maxLength={80} placeholder={w.stripTitle} aria-label={w.stripTitle} value={title.value}
          onInput={(event) => (title.value = event.currentTarget.value)} /></div>
        <div class="row">
          <Button size="small" type="submit" icon={Captions}>{w.stripPreview}</Button>
          <Button size="small" icon={Radio} disabled={!typed()} onClick={() => void ask({ type: "strip", strip: typed() })}>{w.stripAir}</Button>
          {state.value?.on_air.strip && (
            <Button size="small" kind="plain" icon={Eraser} onClick={() => void ask({ type: "strip", strip: null })}>{w.stripOff}</Button>
          )}
        </div>
      </form>
    </section>
  );
}

function People() {
  const w = words.value;
  const people = previewSites.value.flatMap((id) => siteOf(id)?.people ?? []).map(stripOf)
    .filter((strip, n, all) => all.findIndex((each) => each.name === strip.name && each.title === strip.title) === n);
  const current = state.value?.preview.strip;
  if (!previewSites.value.length) return null;
  if (!people.length) return <p class="quiet">{w.stripNobody}</p>;
  return (
    <div class="people" role="group" aria-label={w.stripChoose}>
      {people.map((strip) => (
        <button type="button" key={`${strip.name}/${strip.title}`} aria-pressed={current?.name === strip.name && current.title === strip.title}
          onClick={() => choose(strip)}><b>{strip.name}</b><span>{strip.title}</span></button>
      ))}
      <button type="button" aria-pressed={!current} onClick={() => previewStrip(null)}>{w.stripNone}</button>
    </div>
  );
}
