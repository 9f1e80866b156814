// One line that answers: are we live, recording, sending; who is at the desk; is anything wrong?
import { CircleCheck, Cpu, Keyboard, Radio, Send, TriangleAlert, Users, Video, Volume2, VolumeX } from "lucide";
import type { IconNode } from "lucide";
import type { ComponentChildren } from "preact";
import { boot } from "../lib/boot";
import { clock, say } from "../lib/i18n";
import type { ConsoleState } from "../lib/protocol";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { LanguageSwitch } from "../lib/ui/languages";
import { helping, listening, now, state } from "./desk";
import { Listening } from "./listening";
import { words } from "./words";

type Kind = "plain" | "good" | "warn" | "air";

function Fact({ icon, kind = "plain", title, children }: { icon: IconNode; kind?: Kind; title?: string; children: ComponentChildren }) {
  return <li class={`fact ${kind}`} title={title}><Icon of={icon} /><span>{children}</span></li>;
}

export function Head() {
  const w = words.value;
  const current = state.value;
  return (
    <header class="head">
      <h1>{say(current?.consultation.title ?? boot.consultation.title)}</h1>
      <ul class="facts">{current && <Facts current={current} />}</ul>
      <div class="head-right">
        <Button size="small" kind="plain" icon={listening.value ? Volume2 : VolumeX} pressed={listening.value} aria-keyshortcuts="L"
          onClick={() => (listening.value = !listening.value)}>{listening.value ? w.listening : w.listen}</Button>
        <Button size="small" kind="plain" icon={Keyboard} aria-keyshortcuts="H" pressed={helping.value} onClick={() => (helping.value = !helping.value)}>{w.help}</Button>
        <LanguageSwitch />
      </div>
      <Listening />
    </header>
  );
}

function Facts({ current }: { current: ConsoleState }) {
  const w = words.value;
  const fine = current.outputs.filter((each) => each.state === "live").length;
  const wanted = current.outputs.filter((each) => each.state !== "off").length;
  return (
    <>
      <Live since={current.live_since} />
      <Recording record={current.record} />
      <Fact icon={Send} kind={fine < wanted ? "warn" : "plain"}><span class="figures">{w.outputsOf(fine, current.outputs.length)}</span></Fact>
      <Processes processes={current.processes} />
      <Fact icon={Users}><span class="figures">{w.viewers(current.viewers.toLocaleString("en"))}</span></Fact>
      <Fact icon={CircleCheck} title={current.consoles.join(", ")}>{w.desk} {current.consoles.join(" · ")}</Fact>
    </>
  );
}

function Live({ since }: { since: number | null }) {
  const w = words.value;
  if (since === null) return <Fact icon={Radio}>{w.notLive}</Fact>;
  return <Fact icon={Radio} kind="air">{w.live} <span class="figures">{clock(now.value - since)}</span></Fact>;
}

function Recording({ record }: { record: ConsoleState["record"] }) {
  const w = words.value;
  const [kind, text] = {
    ok: ["good", w.recordOk], warning: ["warn", w.recordWarning], stopped: ["warn", w.recordStopped],
  }[record.state] as [Kind, string];
  const verified = record.verified_s === null ? w.notVerified : w.verified(Math.round(record.verified_s));
  return (
    <Fact icon={record.state === "ok" ? Video : TriangleAlert} kind={kind} title={say(record.text)}>
      {text}<span class="quiet figures"> {verified}</span>
    </Fact>
  );
}

function Processes({ processes }: { processes: ConsoleState["processes"] }) {
  const w = words.value;
  const names = { media: w.process_media, program: w.process_program, record: w.process_record };
  const down = (Object.keys(names) as (keyof typeof names)[]).filter((each) => !processes[each]).map((each) => names[each]);
  if (!down.length) return <Fact icon={Cpu}>{w.processesFine}</Fact>;
  return <Fact icon={TriangleAlert} kind="warn">{w.processDown(down.join("、"))}</Fact>;
}
