// Camera, microphone and loudspeaker of this device: what there is, what was chosen (remembered
// in this browser), what is open, and what went wrong in a word.
import { batch, signal } from "@preact/signals";

export type Trouble = "denied" | "missing" | "busy" | "insecure";
export type Opening = "opening" | "open" | "off" | Trouble;
type Kind = "camera" | "microphone";

const NONE = "none";
const KEYS = { camera: "linkup-camera", microphone: "linkup-microphone", loudspeaker: "linkup-loudspeaker" };

export const cameras = signal<MediaDeviceInfo[]>([]);
export const microphones = signal<MediaDeviceInfo[]>([]);
export const loudspeakers = signal<MediaDeviceInfo[]>([]);

/** Device id; "" is the system's default, "none" is without. */
export const chosen = {
  camera: signal(localStorage.getItem(KEYS.camera) ?? ""),
  microphone: signal(localStorage.getItem(KEYS.microphone) ?? ""),
  loudspeaker: signal(localStorage.getItem(KEYS.loudspeaker) ?? ""),
};

export const opening = { camera: signal<Opening>("opening"), microphone: signal<Opening>("opening") };
export const tracks = {
  camera: signal<MediaStreamTrack | null>(null),
  microphone: signal<MediaStreamTrack | null>(null),
};
const facing = signal<"user" | "environment">("user");
export const mirrored = () => facing.value === "user";
export const canChooseLoudspeaker = "setSinkId" in HTMLMediaElement.prototype;

/** Open both with one question to the person; if that fails, each by itself. */
export async function openBoth(): Promise<void> {
  if (!navigator.mediaDevices) return refuseBoth("insecure");
  const [camera, microphone] = [chosen.camera.value !== NONE, chosen.microphone.value !== NONE];
  batch(() => {
    opening.camera.value = camera ? "opening" : "off";
    opening.microphone.value = microphone ? "opening" : "off";
  });
  if (camera && microphone) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: wantVideo(), audio: wantAudio() });
      adopt("camera", stream.getVideoTracks()[0] ?? null);
      adopt("microphone", stream.getAudioTracks()[0] ?? null);
      return listDevices();
    } catch { /* one of the two may still be had: ask for each alone */ }
  }
  if (microphone) await open("microphone");
  if (camera) await open("camera");
}

/** The person had switched the camera off before a reload. */
export async function openMicrophoneOnly(): Promise<void> {
  opening.camera.value = "off";
  if (chosen.microphone.value !== NONE) await open("microphone");
}

/** Open the chosen device of one kind (again). */
export async function open(kind: Kind): Promise<void> {
  if (!navigator.mediaDevices) return refuse(kind, "insecure");
  opening[kind].value = "opening";
  try {
    const wanted = kind === "camera" ? { video: wantVideo() } : { audio: wantAudio() };
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    adopt(kind, stream.getTracks()[0] ?? null);
  } catch (error) {
    refuse(kind, troubleOf(error));
  }
  await listDevices();
}

/** Switch a device off, so that its light goes out. */
export function close(kind: Kind): void {
  adopt(kind, null);
  opening[kind].value = "off";
}

export async function choose(kind: Kind, id: string): Promise<void> {
  chosen[kind].value = id;
  localStorage.setItem(KEYS[kind], id);
  if (id === NONE) close(kind);
  else await open(kind);
}

export function chooseLoudspeaker(id: string): void {
  chosen.loudspeaker.value = id;
  localStorage.setItem(KEYS.loudspeaker, id);
}

/** Front camera or back camera of a phone. */
export async function flip(): Promise<void> {
  facing.value = facing.value === "user" ? "environment" : "user";
  chosen.camera.value = "";
  close("camera"); // many phones cannot open both at a time
  await open("camera");
}

export const canFlip = () => cameras.value.length > 1 && matchMedia("(pointer: coarse)").matches;

function wantVideo(): MediaTrackConstraints {
  const id = chosen.camera.value;
  const which = id ? { deviceId: { ideal: id } } : { facingMode: facing.value };
  return { ...which, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
}

function wantAudio(): MediaTrackConstraints {
  const id = chosen.microphone.value;
  return {
    ...(id && { deviceId: { ideal: id } }),
    channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true,
  };
}

function adopt(kind: Kind, track: MediaStreamTrack | null): void {
  const before = tracks[kind].value;
  if (before) before.onended = null;
  before?.stop();
  batch(() => {
    tracks[kind].value = track;
    opening[kind].value = track ? "open" : "missing";
  });
  // A pulled plug ends the track; another device of that kind may take over.
  if (track) track.onended = () => void open(kind);
}

function refuse(kind: Kind, trouble: Trouble): void {
  adopt(kind, null);
  opening[kind].value = trouble;
}

function refuseBoth(trouble: Trouble): void {
  refuse("camera", trouble);
  refuse("microphone", trouble);
}

function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy"; // NotReadableError, AbortError: the system gives it to somebody else
}

async function listDevices(): Promise<void> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) => all.filter((each) => each.kind === kind && each.deviceId !== "default");
  batch(() => {
    cameras.value = of("videoinput");
    microphones.value = of("audioinput");
    loudspeakers.value = of("audiooutput");
  });
}

navigator.mediaDevices?.addEventListener("devicechange", () => void listDevices());
