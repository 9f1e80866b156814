// Three large buttons with words and keys; and the way out.
import { Hand, LogOut, Mic, MicOff, Video, VideoOff } from "lucide";
import type { IconNode } from "lucide";
import { useEffect } from "preact/hooks";
import { ConfirmButton } from "../lib/ui/button";
import { Icon } from "../lib/ui/icon";
import { close, open, opening, tracks } from "./devices";
import { cameraOn, leave, microphoneOpen, raiseHand, setCamera, setMicrophone, state } from "./seat";
import { words } from "./words";

async function toggleMicrophone(): Promise<void> {
  if (!tracks.microphone.value) {
    await open("microphone");
    if (tracks.microphone.value) setMicrophone(true);
  } else setMicrophone(!microphoneOpen.value);
}

async function toggleCamera(): Promise<void> {
  if (tracks.camera.value) {
    close("camera");
    setCamera(false);
  } else {
    await open("camera");
    if (tracks.camera.value) setCamera(true);
  }
}

const toggleHand = () => void raiseHand(!state.value?.hand);
const keys: Record<string, () => void> = { m: () => void toggleMicrophone(), c: () => void toggleCamera(), h: toggleHand };

function pressed(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  keys[event.key.toLowerCase()]?.();
}

export function Controls() {
  useEffect(() => {
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const w = words.value;
  const muted = state.value?.muted ?? false;
  const speaking = microphoneOpen.value && !!tracks.microphone.value && !muted;
  const seen = cameraOn.value && !!tracks.camera.value;
  const raised = state.value?.hand ?? false;
  return (
    <div class="controls">
      <Big name="microphone" icon={speaking ? Mic : MicOff} on={speaking} shortcut="M" onPress={() => void toggleMicrophone()}
        text={muted ? w.micMuted : speaking ? w.micOpen : w.micClosed} trouble={opening.microphone.value === "denied"} />
      <Big name="camera" icon={seen ? Video : VideoOff} on={seen} shortcut="C" onPress={() => void toggleCamera()}
        text={seen ? w.camOn : w.camOff} trouble={opening.camera.value === "denied"} />
      <Big name="hand" icon={Hand} on={raised} shortcut="H" onPress={toggleHand} text={raised ? w.handRaised : w.handDown} />
    </div>
  );
}

/** The way out, with a second press. */
export function Leave() {
  const w = words.value;
  return <ConfirmButton class="leave" kind="plain" size="small" icon={LogOut} again={w.leaveAgain} onConfirm={leave}>{w.leave}</ConfirmButton>;
}

function Big({ name, icon, text, on, shortcut, trouble, onPress }:
  { name: string; icon: IconNode; text: string; on: boolean; shortcut: string; trouble?: boolean; onPress: () => void }) {
  return (
    <button type="button" id={name} class={`big ${on ? "on" : "off"} ${trouble ? "trouble" : ""}`} aria-pressed={on}
      aria-keyshortcuts={shortcut} onClick={onPress}>
      <Icon of={icon} /><span>{text}</span><kbd aria-hidden="true">{shortcut}</kbd>
    </button>
  );
}
