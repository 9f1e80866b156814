// Step one: camera and microphone. The person sees himself and his voice.
import { ArrowRight, CircleCheck, RefreshCw, SwitchCamera } from "lucide";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { Button } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { OwnMeter } from "../lib/ui/meter";
import { Notice } from "../lib/ui/notice";
import { cameras, canFlip, flip, microphones, mirrored, open, opening, tracks, type Opening } from "./devices";
import { DeviceList } from "./device-list";
import { heard, seen, watchPicture, watchVoice } from "./looks";
import { words } from "./words";

export function PictureStep({ onNext }: { onNext: () => void }) {
  const w = words.value;
  return (
    <>
      <p class="hint">{w.pictureAndVoiceHint}</p>
      <div class="look">
        <Mirror />
        <div class="choices">
          <DeviceList kind="camera" devices={cameras.value} />
          <Advice kind="camera" state={opening.camera.value} />
          {canFlip() && <Button icon={SwitchCamera} size="small" onClick={() => void flip()}>{w.flip}</Button>}
          <DeviceList kind="microphone" devices={microphones.value} />
          {tracks.microphone.value && <Voice track={tracks.microphone.value} />}
          <Advice kind="microphone" state={opening.microphone.value} />
          <div class="step-actions"><Button icon={ArrowRight} onClick={onNext}>{w.next}</Button></div>
        </div>
      </div>
    </>
  );
}

function Mirror() {
  const video = useRef<HTMLVideoElement>(null);
  const track = tracks.camera.value;
  useEffect(() => {
    if (!video.current || !track) return;
    video.current.srcObject = new MediaStream([track]);
    return watchPicture(video.current);
  }, [track]);
  const w = words.value;
  const waiting = opening.camera.value === "opening" ? w.seeingSoon : w.noCamera;
  return (
    <figure class="mirror">
      <div class="frame">
        {track
          ? <video ref={video} class={mirrored() ? "mirrored" : ""} muted playsInline autoplay aria-label={w.you} />
          : <span class="quiet">{waiting}</span>}
      </div>
      <figcaption>{track && <SeenWords />}</figcaption>
    </figure>
  );
}

function SeenWords() {
  const w = words.value;
  if (seen.value === "seen") return <span class="finding good"><Icon of={CircleCheck} />{w.weSeeYou}</span>;
  return <span class="quiet">{seen.value === "black" ? w.dark : w.seeingSoon}</span>;
}

function Voice({ track }: { track: MediaStreamTrack }) {
  const subscribe = useCallback((paint: (level: number) => void) => watchVoice(track, paint), [track]);
  const w = words.value;
  return (
    <div class="voice">
      <OwnMeter subscribe={subscribe} label={w.microphone} />
      {heard.value
        ? <span class="finding good"><Icon of={CircleCheck} />{w.weHearYou}</span>
        : <span class="quiet">{w.saySomething}</span>}
    </div>
  );
}

/** What is the matter with a device, and what to do. */
export function Advice({ kind, state }: { kind: "camera" | "microphone"; state: Opening }) {
  const w = words.value;
  const camera = kind === "camera";
  if (state === "open") return null;
  if (state === "opening") return <p class="quiet">{w.asking}</p>;
  if (state === "off") return <p class="quiet">{camera ? w.withoutCamera : w.withoutMicrophone}</p>;
  if (state === "insecure") return camera ? <Notice kind="warn">{w.insecure}</Notice> : null;
  const text = camera
    ? { denied: w.deniedCamera, missing: w.missingCamera, busy: w.busyCamera }[state]
    : { denied: w.deniedMicrophone, missing: w.missingMicrophone, busy: w.busyMicrophone }[state];
  return (
    <Notice kind="warn">
      <p>{text}</p>
      <p class="quiet">{camera ? w.withoutCamera : w.withoutMicrophone}</p>
      <Button size="small" icon={RefreshCw} onClick={() => void open(kind)}>{w.retry}</Button>
    </Notice>
  );
}
