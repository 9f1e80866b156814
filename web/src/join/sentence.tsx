// One sentence that says what is happening and what to do; and what the operator wrote.
import { Hand, MessageSquareText, Mic, Play, Radio, RefreshCw } from "lucide";
import type { IconNode } from "lucide";
import { say, time } from "../lib/i18n";
import type { SiteState } from "../lib/protocol";
import { Icon } from "../lib/ui/icon";
import { Tally } from "../lib/ui/tally";
import { connection, microphoneOpen, state } from "./seat";
import { words } from "./words";

function sayState(now: SiteState): [IconNode, string] {
  const w = words.value;
  if (now.tally === "air") {
    if (now.muted) return [Mic, w.saysOnAirMuted];
    return [Mic, microphoneOpen.value ? w.saysOnAir : w.saysOnAirClosed];
  }
  if (now.tally === "next") return [Play, w.saysNext];
  if (now.hand) return [Hand, w.saysHand(now.place ?? 0)];
  if (now.slate) return [Radio, w.saysSlate];
  if (now.live_since === null) return [Radio, w.saysBefore];
  const names = now.on_air.map((each) => say(each.name)).join(" · ");
  return [Radio, names ? w.saysWatching(names) : w.saysNobody];
}

function sayLine(): [IconNode, string] | null {
  const w = words.value;
  if (connection.value === "connecting") return [RefreshCw, w.saysConnecting];
  if (connection.value === "line-lost") return [RefreshCw, w.saysLineAgain];
  if (connection.value === "all-lost") return [RefreshCw, w.saysReconnecting];
  if (connection.value === "media-lost") return [RefreshCw, w.saysMediaAgain];
  return null;
}

export function Sentence() {
  const now = state.value;
  const [icon, text] = sayLine() ?? (now ? sayState(now) : [RefreshCw, words.value.saysConnecting]);
  return (
    <div class="sentence" role="status">
      {now && <Tally state={now.tally} />}
      <Icon of={icon} />
      <p>{text}</p>
    </div>
  );
}

export function NoteFromHall() {
  const note = state.value?.note;
  if (!note?.text) return null;
  return (
    <div class="note" role="alert">
      <p class="note-head"><Icon of={MessageSquareText} />{words.value.note}<span class="quiet figures">{time(note.at, false)}</span></p>
      <p class="note-text">{note.text}</p>
    </div>
  );
}
