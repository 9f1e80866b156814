// One site on the wall: picture, tally, name, level, line, hand, and what can be done with it.
import { CameraOff, Hand, MessageSquareText, Mic, MicOff, Minus, Plus, SignalHigh, SignalLow, SignalMedium, SignalZero, TriangleAlert, Unplug, VolumeX } from "lucide";
import type { IconNode } from "lucide";
import { say } from "../lib/i18n";
import type { ConsoleSite } from "../lib/protocol";
import { Icon } from "../lib/ui/icon";
import { Meter } from "../lib/ui/meter";
import { Screen } from "../lib/ui/screen";
import { Tally } from "../lib/ui/tally";
import { addToPreview, ask, preview, previewSites, streamOf, target, toggleMute } from "./desk";
import { words } from "./words";

interface TileProps { site: ConsoleSite; number: number; place: number }

export function Tile({ site, number, place }: TileProps) {
  const w = words.value;
  const name = say(site.name);
  const pick = (event: MouseEvent) => (event.shiftKey ? addToPreview(site.id) : preview(site.id));
  return (
    <li class={`tile ${site.present ? site.tally : "absent"}`} data-site={site.id}>
      <button type="button" class="pick" onClick={pick} aria-label={w.toPreview(name)}
        {...(number <= 9 && { "aria-keyshortcuts": String(number) })}>
        <Screen stream={streamOf(site.id)} label={name} />
        <Cover site={site} />
      </button>
      <div class="about-site">
        <span class="tile-name" title={`${name} ${say(site.city)}`}><kbd aria-hidden="true">{number}</kbd>{name}</span>
        {place > 0 && <RaisedHand site={site} place={place} />}
        <TileTally site={site} />
        <div class="tile-foot">
          {site.present ? <Meter source={site.id} label={w.level(name)} /> : <span class="spring" />}
          <LineSign site={site} />
          <Actions site={site} />
        </div>
      </div>
    </li>
  );
}

function TileTally({ site }: { site: ConsoleSite }) {
  if (!site.present) return <Tally state="absent" />;
  return site.tally === "off" ? null : <Tally state={site.tally} />;
}

/** What stands in the picture's place when there is none, or beside one that stands still. */
function Cover({ site }: { site: ConsoleSite }) {
  const w = words.value;
  if (!site.present) return <span class="cover"><Icon of={Unplug} />{w.absent}</span>;
  if (!site.camera) return <span class="cover"><Icon of={CameraOff} />{w.cameraOff}</span>;
  if (site.source && site.source !== "live") return <span class="flag"><Icon of={TriangleAlert} />{w[site.source]}</span>;
  return null;
}

function RaisedHand({ site, place }: { site: ConsoleSite; place: number }) {
  const label = words.value.lowerHand(say(site.name));
  return (
    <button type="button" class="raised" title={label} aria-label={label} onClick={() => void ask({ type: "lower_hand", site: site.id })}>
      <Icon of={Hand} /><span class="figures">{place}</span>
    </button>
  );
}

const signs: Record<ConsoleSite["line"]["quality"], IconNode> = { good: SignalHigh, fair: SignalMedium, poor: SignalLow, lost: SignalZero };

function LineSign({ site }: { site: ConsoleSite }) {
  if (!site.present) return null;
  const { quality, text } = site.line;
  return <span class={`line ${quality}`} title={say(text)}><Icon of={signs[quality]} label={words.value[quality]} /><span class="line-word" aria-hidden="true">{words.value[quality]}</span></span>;
}

function Actions({ site }: { site: ConsoleSite }) {
  const w = words.value;
  const inside = previewSites.value.includes(site.id);
  const write = () => {
    target.value = site.id;
    document.getElementById("note-text")?.focus();
  };
  const silent = site.muted ? VolumeX : site.microphone ? Mic : MicOff;
  const muteWord = site.muted ? w.unmute : w.mute;
  return (
    <span class="actions">
      <Small icon={silent} label={muteWord} title={site.muted ? w.muted : site.microphone ? w.mute : w.microphoneOff}
        pressed={site.muted} class={site.muted ? "muted" : site.microphone ? "" : "closed"} onPress={() => void toggleMute(site)} />
      <Small icon={inside ? Minus : Plus} label={inside ? w.remove : w.add} onPress={() => addToPreview(site.id)} />
      <Small icon={MessageSquareText} label={site.note ? w.hasNote : w.write} class={site.note ? "noted" : ""} onPress={write} />
    </span>
  );
}

function Small({ icon, label, title, pressed, class: extra, onPress }:
  { icon: IconNode; label: string; title?: string; pressed?: boolean; class?: string; onPress: () => void }) {
  return (
    <button type="button" class={`small-action ${extra ?? ""}`} aria-label={label} title={title ?? label}
      {...(pressed !== undefined && { "aria-pressed": pressed })} onClick={onPress}><Icon of={icon} /></button>
  );
}
