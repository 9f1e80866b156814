// Do we see and hear the person? Judged from the camera's pictures and the microphone's level.
import { signal } from "@preact/signals";
import { listen } from "../lib/meters";

const VOICE = -45; // dBov that somebody speaking reaches
const HEARD_MS = 400; // of voice, all together
const BLACK = 10; // mean brightness of 255 below which a lens is covered

export const seen = signal<"unknown" | "seen" | "black">("unknown");
export const heard = signal(false);

/** Watch the brightness of a playing video, twice a second; returns how to stop. */
export function watchPicture(video: HTMLVideoElement): () => void {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [32, 18];
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const timer = setInterval(() => {
    if (!paper || !video.videoWidth) return;
    paper.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = paper.getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let at = 1; at < pixels.length; at += 4) sum += pixels[at] ?? 0; // green stands for brightness
    seen.value = sum / (pixels.length / 4) < BLACK ? "black" : "seen";
  }, 500);
  return () => clearInterval(timer); // what was seen stays: the next step hides the video
}

/** Listen until somebody has spoken; `paint` gets every level. */
export function watchVoice(track: MediaStreamTrack, paint: (level: number) => void): () => void {
  let spoken = 0;
  return listen(new MediaStream([track]), (level) => {
    paint(level);
    if (level > VOICE) spoken += 100;
    if (spoken >= HEARD_MS) heard.value = true;
  });
}
