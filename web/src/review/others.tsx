// All consultations that have a recording.
import { Circle, Lock, LoaderCircle } from "lucide";
import { language, say } from "../lib/i18n";
import { Icon } from "../lib/ui/icon";
import { day, hourMinute, length, size } from "../watch/times";
import { id, others } from "./archive";
import type { Summary } from "./model";
import { words } from "./words";

export function Others({ open }: { open: boolean }) {
  const w = words.value;
  const list = others.value;
  if (list === null) return null;
  return (
    <details class="others" open={open}>
      <summary>{w.others}（{list.length}）</summary>
      {list.length === 0 ? <p class="quiet">{w.noOthers}</p> : (
        <ul>{list.map((each) => <OtherItem key={each.id} each={each} />)}</ul>
      )}
    </details>
  );
}

function OtherItem({ each }: { each: Summary }) {
  const title = say(each.title) || each.id;
  const when = each.started === null ? "" : `${day(each.started, language.value)} ${hourMinute(each.started)}`;
  return (
    <li>
      <a href={`/review/${encodeURIComponent(each.id)}`} {...(each.id === id && { "aria-current": "page" as const })}>
        <strong>{title}</strong>
        <span class="quiet figures">{[when, length(each.duration_s, language.value), size(each.bytes)].filter(Boolean).join(" · ")}</span>
        {each.live && <StateBadge state="recording" />}
      </a>
    </li>
  );
}

const shapes = { recording: Circle, sealed: Lock, "open-ended": LoaderCircle };

export function StateBadge({ state }: { state: keyof typeof shapes }) {
  return <span class={`badge ${state}`}><Icon of={shapes[state]} />{words.value[state]}</span>;
}
