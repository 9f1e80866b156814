// Oneself, small: own picture, own level, and on air the name as the public reads it.
import { useCallback } from "preact/hooks";
import { CameraOff, SwitchCamera } from "lucide";
import { listen } from "../lib/meters";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { OwnMeter } from "../lib/ui/meter";
import { Screen } from "../lib/ui/screen";
import { canFlip, flip, mirrored, tracks } from "./devices";
import { state } from "./seat";
import { words } from "./words";

const streams = new WeakMap<MediaStreamTrack, MediaStream>();

function streamOf(track: MediaStreamTrack): MediaStream {
  const stream = streams.get(track) ?? new MediaStream([track]);
  streams.set(track, stream);
  return stream;
}

export function Own() {
  const w = words.value;
  const camera = tracks.camera.value;
  const now = state.value;
  return (
    <section class="own" aria-label={w.you}>
      <div class="frame">
        {camera ? <Screen stream={streamOf(camera)} label={w.you} mirrored={mirrored()} /> : <span class="veil"><Icon of={CameraOff} />{w.camOff}</span>}
      </div>
      <p><span>{w.you}</span>{tracks.microphone.value && <OwnLevel track={tracks.microphone.value} />}</p>
      {camera && canFlip() && <Button size="small" icon={SwitchCamera} onClick={() => void flip()}>{w.flip}</Button>}
      {now?.tally === "air" && now.strip && (
        <p class="public"><span class="quiet">{w.asPublicSees}</span><strong>{now.strip.name}</strong><span>{now.strip.title}</span></p>
      )}
    </section>
  );
}

function OwnLevel({ track }: { track: MediaStreamTrack }) {
  const subscribe = useCallback((paint: (level: number) => void) => listen(streamOf(track), paint), [track]);
  return <OwnMeter subscribe={subscribe} label={words.value.microphone} />;
}
