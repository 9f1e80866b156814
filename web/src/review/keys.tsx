// The keyboard of someone who works with recordings, and the list of its keys.
import { useEffect } from "preact/hooks";
import { isPressable, isTyping } from "../watch/player";
import { skip, sound, stepChapter, stream } from "./desk";
import { words } from "./words";

const FRAME_S = 1 / 30;
const STEP_S = 5;
const LONG_STEP_S = 10;

const actions: Record<string, () => void> = {
  " ": () => stream.value?.toggle(),
  k: () => stream.value?.pause(),
  j: () => skip(-LONG_STEP_S),
  l: () => skip(LONG_STEP_S),
  ArrowLeft: () => skip(-STEP_S),
  ArrowRight: () => skip(STEP_S),
  ",": () => frame(-1),
  ".": () => frame(1),
  "[": () => stepChapter(-1),
  "]": () => stepChapter(1),
  m: () => (sound.value = sound.value === "none" ? "program" : "none"),
  f: () => void stream.value?.video.requestFullscreen?.().catch(() => undefined),
};

function frame(by: number): void {
  stream.value?.pause();
  skip(by * FRAME_S);
}

export function useKeys(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action || (event.key === " " && isPressable(event.target))) return;
      if (event.key.startsWith("Arrow") && event.target instanceof HTMLElement && event.target.closest("[role=tablist]")) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

export function Keys() {
  const w = words.value;
  const rows: [string[], string][] = [
    [["Space"], w.key_space],
    [["←", "→"], w.key_arrows],
    [["J", "K", "L"], w.key_jkl],
    [[",", "."], w.key_frames],
    [["[", "]"], w.key_chapters],
    [["M"], w.key_m],
    [["F"], w.key_f],
  ];
  return (
    <details class="keys">
      <summary>{w.keys}</summary>
      <dl>
        {rows.map(([keys, meaning]) => (
          <div key={meaning}><dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{meaning}</dd></div>
        ))}
      </dl>
    </details>
  );
}
