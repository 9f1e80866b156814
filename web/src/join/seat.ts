// This page's seat in the linkup: one line, one media connection, and what the person does.
import { computed, effect, signal } from "@preact/signals";
import type { Text } from "../lib/boot";
import { Media } from "../lib/media";
import { showLevels } from "../lib/meters";
import type { FromSite, SiteState, ToSite } from "../lib/protocol";
import { Line, RequestError } from "../lib/socket";
import { tracks } from "./devices";

export type Ending = { kind: "taken" | "signed-out" | "left" } | { kind: "ended"; text: Text };

const REPORT_MS = 2000;
const SILENCE_MS = 10_000;
const INSIDE = "linkup-inside"; // session storage: after a reload we go straight back in
const DEVICE = "linkup-device";

export const state = signal<SiteState | null>(null);
export const ending = signal<Ending | null>(null);
export const refused = signal<Text | null>(null);
export const inside = signal(sessionStorage.getItem(INSIDE) === "yes");
export const microphoneOpen = signal(sessionStorage.getItem("linkup-mic") !== "closed");
export const cameraOn = signal(sessionStorage.getItem("linkup-cam") !== "off");
const line = signal<Line<ToSite, FromSite> | null>(null);
let goodbye: { code: string; text: Text } | null = null; // said before a close; the close code decides

// Made before the click: keys and offer are ready when the person joins.
const media = new Media({ publishes: true, video: 4, audio: 3 }, {
  ready: (peer) => {
    void peer.sendMicrophone(tracks.microphone.peek());
    void peer.sendCamera(tracks.camera.peek());
  },
  doubt: sayHello,
});
export const peer = media.shown;
export const connection = computed(() => {
  const talking = line.value?.state.value;
  if (!inside.value || !talking) return "connecting";
  const flowing = media.shown.value.state.value;
  if (talking !== "open") return !state.value ? "connecting" : flowing === "connected" ? "line-lost" : "all-lost";
  return flowing === "failed" || flowing === "unsteady" || flowing === "closed" ? "media-lost" : "fine";
});

effect(() => {
  const track = tracks.microphone.value;
  if (track) track.enabled = microphoneOpen.value;
  void media.current.sendMicrophone(track);
});
effect(() => void media.current.sendCamera(tracks.camera.value));

/** Take the seat. */
export function enter(token: string): void {
  performance.mark("linkup:join-click");
  sessionStorage.setItem(INSIDE, "yes");
  ending.value = null;
  inside.value = true;
  if (line.peek()) return line.peek()?.reopen();
  const opened: Line<ToSite, FromSite> = new Line(`/ws/site?token=${encodeURIComponent(token)}`, {
    silence: SILENCE_MS,
    opened: () => hello(opened),
    quiet: sayHello,
    message: hear,
  });
  line.value = opened;
  opened.reason.subscribe((reason) => {
    if (reason === "signed-out") end({ kind: "signed-out" });
    else if (reason === "seat-taken" && goodbye?.code === "dropped") end({ kind: "ended", text: goodbye.text });
    else if (reason === "seat-taken") end({ kind: "taken" });
  });
  setInterval(report, REPORT_MS);
}

/** The first picture of another site has been drawn: the time from the click, for measurements. */
export function firstPicture(): void {
  if (performance.getEntriesByName("linkup:first-picture").length) return;
  performance.measure("linkup:first-picture", "linkup:join-click");
}

/** Also a question: the welcome tells whether the server still has our media. */
function sayHello(): void {
  line.peek()?.send({ type: "hello", device: device(), ...media.living });
}

function hello(opened: Line<ToSite, FromSite>): void {
  sayHello();
  media.opened(opened);
  opened.send({ type: "microphone", open: microphoneOpen.peek() && !!tracks.microphone.peek() });
  opened.send({ type: "camera", on: cameraOn.peek() && !!tracks.camera.peek() });
}

function hear(message: ToSite): void {
  if (message.type === "levels") showLevels(message.levels);
  else if (message.type === "state") {
    state.value = message;
    media.told(message.slots);
  } else if (message.type === "welcome") media.welcomed(message.media);
  else if (message.type === "error") refused.value = message.text;
  else if (message.type === "bye") goodbye = message;
}

function end(how: Ending): void {
  sessionStorage.removeItem(INSIDE);
  ending.value = how;
  inside.value = false;
}

export function leave(): void {
  line.peek()?.send({ type: "leave" });
  line.peek()?.close();
  end({ kind: "left" });
}

/** After leaving or losing the seat: begin again as if the page were new. */
export function comeBack(): void {
  sessionStorage.setItem(INSIDE, "yes");
  location.reload();
}

async function ask(message: FromSite): Promise<void> {
  try {
    await line.peek()?.request(message);
    refused.value = null;
  } catch (error) {
    if (error instanceof RequestError) refused.value = error.text;
  }
}

export function setMicrophone(open: boolean): void {
  microphoneOpen.value = open;
  sessionStorage.setItem("linkup-mic", open ? "open" : "closed");
  void ask({ type: "microphone", open });
}

export function setCamera(on: boolean): void {
  cameraOn.value = on;
  sessionStorage.setItem("linkup-cam", on ? "on" : "off");
  void ask({ type: "camera", on });
}

export const raiseHand = (raised: boolean) => ask({ type: "hand", raised });
export const showMain = (show: "air" | "program") => ask({ type: "main", show });

async function report(): Promise<void> {
  const stats = await media.current.report();
  if (stats) line.peek()?.request({ type: "report", stats }).catch(() => undefined);
}

/** This browser's name for itself, so that a reload is known as the same device. */
function device(): string {
  const known = localStorage.getItem(DEVICE);
  if (known) return known;
  const made = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  localStorage.setItem(DEVICE, made);
  return made;
}
