// A word with one site, or with all: a note on its page; its line in figures; and the way to end it.
import { Send, Unplug } from "lucide";
import { signal } from "@preact/signals";
import { say } from "../lib/i18n";
import type { ConsoleSite } from "../lib/protocol";
import { Button, ConfirmButton } from "../lib/ui/button";
import { ask, siteOf, sites, target } from "./desk";
import { words } from "./words";

const text = signal("");
const EVERYONE = "*";

async function send(event: Event): Promise<void> {
  event.preventDefault();
  if (!text.value.trim()) return;
  if (await ask({ type: "note", site: target.value, text: text.value.trim() })) text.value = "";
}

export function SitePanel() {
  const w = words.value;
  const site = siteOf(target.value);
  return (
    <section class="panel site-panel">
      <h2>{w.message}</h2>
      <form onSubmit={(event) => void send(event)}>
        <select aria-label={w.to} value={target.value} onChange={(event) => (target.value = event.currentTarget.value)}>
          <option value={EVERYONE}>{w.everyone}</option>
          {sites.value.map((each) => <option key={each.id} value={each.id}>{say(each.name)}</option>)}
        </select>
        <div class="row">
          <input id="note-text" maxLength={400} placeholder={w.noteText} aria-label={w.noteText} value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)} />
          <Button size="small" type="submit" icon={Send} disabled={!text.value.trim()}>{w.send}</Button>
        </div>
      </form>
      {site && <About site={site} />}
    </section>
  );
}

/** The note's text, however the server tells it. */
function noteOf(site: ConsoleSite): string {
  return typeof site.note === "string" ? site.note : site.note?.text ?? "";
}

function About({ site }: { site: ConsoleSite }) {
  const w = words.value;
  const { loss, jitter_ms, rtt_ms, kbps, fps } = site.line;
  const rtt = rtt_ms === null ? w.unknown : w.milliseconds(Math.round(rtt_ms));
  const note = noteOf(site);
  return (
    <div class="about">
      {note && (
        <p class="note"><span>{note}</span>
          <Button size="small" kind="plain" onClick={() => void ask({ type: "note", site: site.id, text: "" })}>{w.takeAway}</Button></p>
      )}
      {site.present && <p class="quiet figures">{w.lineFigures((loss * 100).toFixed(1), Math.round(jitter_ms), rtt, Math.round(kbps), Math.round(fps))}</p>}
      {site.present && (
        <ConfirmButton size="small" kind="plain" icon={Unplug} again={w.dropAgain} onConfirm={() => void ask({ type: "drop", site: site.id })}>{w.drop}</ConfirmButton>
      )}
    </div>
  );
}
