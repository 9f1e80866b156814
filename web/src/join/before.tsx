// Before joining: three steps, one open at a time, each with its result in words.
import { CircleCheck, CircleDashed, LogIn, TriangleAlert } from "lucide";
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { bootOf } from "../lib/boot";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { opening } from "./devices";
import { Header } from "./header";
import { checkLine, checking, result } from "./line";
import { LineStep, lineWords } from "./line-step";
import { heard, seen } from "./looks";
import { PictureStep } from "./picture-step";
import { enter } from "./seat";
import { SoundStep, soundHeard } from "./sound-step";
import { words } from "./words";

const boot = bootOf("join");
const at = signal<1 | 2 | 3>(1);
const visited = signal(1);

export function Before() {
  useEffect(() => void checkLine(boot.token), []);
  const go = (step: 1 | 2 | 3) => {
    at.value = step;
    visited.value = Math.max(visited.value, step);
  };
  const w = words.value;
  return (
    <div class="before">
      <Header />
      <main>
        <div class="lead"><h2>{w.prepare}</h2><p class="quiet">{w.prepareHint}</p></div>
        <ol class="steps">
          <Step n={1} title={w.pictureAndVoice} results={pictureResults()} onOpen={() => go(1)}>
            <PictureStep onNext={() => go(2)} />
          </Step>
          <Step n={2} title={w.sound} results={soundResults()} onOpen={() => go(2)}>
            <SoundStep onNext={() => go(3)} />
          </Step>
          <Step n={3} title={w.line} results={lineResults()} onOpen={() => go(3)}>
            <LineStep token={boot.token} />
          </Step>
        </ol>
        <div class="go">
          <Button kind="main" size="large" wide icon={LogIn} id="enter" onClick={() => enter(boot.token)}>{w.enter}</Button>
        </div>
      </main>
    </div>
  );
}

interface Finding { kind: "good" | "warn" | "open"; text: string }

function Step({ n, title, results, onOpen, children }:
  { n: 1 | 2 | 3; title: string; results: Finding[]; onOpen: () => void; children: ComponentChildren }) {
  const open = at.value === n;
  return (
    <li class={`step ${open ? "current" : ""}`} {...(open && { "aria-current": "step" })}>
      <button type="button" class="step-head" aria-expanded={open} onClick={onOpen}>
        <span class="step-number">{words.value.step(n)}</span>
        <span class="step-title">{title}</span>
        <span class="findings">{results.map((each) => <Found key={each.text} {...each} />)}</span>
      </button>
      {open && <div class="step-body">{children}</div>}
    </li>
  );
}

const signs = { good: CircleCheck, warn: TriangleAlert, open: CircleDashed };

function Found({ kind, text }: Finding) {
  return <span class={`finding ${kind}`}><Icon of={signs[kind]} />{text}</span>;
}

function pictureResults(): Finding[] {
  const w = words.value;
  const camera = opening.camera.value;
  const microphone = opening.microphone.value;
  return [
    camera === "open" && seen.value === "seen" ? { kind: "good", text: w.weSeeYou }
      : camera === "opening" || (camera === "open" && seen.value !== "black") ? { kind: "open", text: w.camera }
      : { kind: "warn", text: camera === "off" ? w.noCamera : w.camera },
    microphone === "open" && heard.value ? { kind: "good", text: w.weHearYou }
      : microphone === "open" || microphone === "opening" ? { kind: "open", text: w.microphone }
      : { kind: "warn", text: microphone === "off" ? w.noMicrophone : w.microphone },
  ];
}

function soundResults(): Finding[] {
  const w = words.value;
  return [soundHeard.value ? { kind: "good", text: w.soundGood } : { kind: "open", text: w.soundUnknown }];
}

function lineResults(): Finding[] {
  const w = words.value;
  if (checking.value) return [{ kind: "open", text: w.checking }];
  if (!result.value) return [{ kind: "open", text: w.lineUnknown }];
  const good = result.value.verdict === "good";
  return [{ kind: good ? "good" : "warn", text: good ? w.lineGood : lineWords(result.value.verdict, true) }];
}
