// What the server's archive says, kept fresh while the consultation is being recorded.
import { signal } from "@preact/signals";
import { boot } from "../lib/boot";
import { recordState, type Consultation, type Summary } from "./model";

export const API = "/api/v1/consultations";
export const id = boot.consultation.id;
export const base = `${API}/${encodeURIComponent(id)}`;

export type Reading = "loading" | "ready" | "gone" | "denied" | "broken";

export const reading = signal<Reading>("loading");
export const consultation = signal<Consultation | null>(null);
export const others = signal<Summary[] | null>(null);
/** The server did not answer the last time; what is shown may be old. */
export const stale = signal(false);

const FRESH_MS = 3000;
const LIST_MS = 30_000;

export function follow(): void {
  void readAgain();
  void readList();
  setInterval(() => void (document.hidden ? undefined : readList()), LIST_MS);
}

async function readAgain(): Promise<void> {
  await readOne();
  const whole = consultation.value;
  const done = reading.value === "denied" || (whole !== null && recordState(whole) === "sealed" && !stale.value);
  if (!done) setTimeout(() => void whenSeen(readAgain), FRESH_MS);
}

/** Nothing is asked of the server while nobody looks. */
function whenSeen(then: () => Promise<void>): void {
  if (!document.hidden) return void then();
  document.addEventListener("visibilitychange", () => whenSeen(then), { once: true });
}

let lastText = "";

async function readOne(): Promise<void> {
  try {
    const response = await fetch(base, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const text = await response.text();
      // The same answer again must not draw the page again.
      if (text !== lastText) consultation.value = JSON.parse(text) as Consultation;
      lastText = text;
    }
    stale.value = response.status >= 500;
    reading.value = verdict(response);
  } catch {
    stale.value = true;
    if (reading.value !== "ready") reading.value = "broken";
  }
}

function verdict(response: Response): Reading {
  if (response.ok) return "ready";
  if (response.status === 401 || response.status === 403) return "denied";
  if (response.status === 404) return "gone";
  return consultation.value ? "ready" : "broken";
}

async function readList(): Promise<void> {
  try {
    const response = await fetch(API, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const list = (await response.json()) as Summary[];
    others.value = list.sort((one, other) => (other.started ?? 0) - (one.started ?? 0));
  } catch {
    // the list is a convenience; the page says elsewhere that the server is away
  }
}
