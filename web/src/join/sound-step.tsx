// Step two: does the person hear us?
import { CircleCheck, Volume2, VolumeX } from "lucide";
import { signal } from "@preact/signals";
import { Button } from "../lib/ui/button";
import { Notice } from "../lib/ui/notice";
import { canChooseLoudspeaker, chosen, loudspeakers } from "./devices";
import { DeviceList } from "./device-list";
import { playTones } from "./sound";
import { words } from "./words";

export const soundHeard = signal(false);
const playing = signal(false);
const played = signal(false);
const unheard = signal(false);

async function play(): Promise<void> {
  playing.value = true;
  await playTones(chosen.loudspeaker.value).catch(() => undefined);
  playing.value = false;
  played.value = true;
}

export function SoundStep({ onNext }: { onNext: () => void }) {
  const w = words.value;
  const decide = (good: boolean) => {
    soundHeard.value = good;
    unheard.value = !good;
    if (good) onNext();
  };
  return (
    <>
      <p class="hint">{w.soundHint}</p>
      {canChooseLoudspeaker && loudspeakers.value.length > 0 && <DeviceList kind="loudspeaker" devices={loudspeakers.value} />}
      <div class="step-actions">
        <Button icon={Volume2} disabled={playing.value} onClick={() => void play()}>{playing.value ? w.playing : w.play}</Button>
        <span class="spring" />
        <Button icon={VolumeX} kind="plain" disabled={!played.value} onClick={() => decide(false)}>{w.notHeard}</Button>
        <Button icon={CircleCheck} onClick={() => decide(true)}>{w.heard}</Button>
      </div>
      {unheard.value && <Notice kind="warn">{w.notHeardHelp}</Notice>}
    </>
  );
}
