// What a viewer is told the consultation is doing, from the two things the page knows:
// what the server says over the WebSocket, and what has become of the stream.
import type { WatchState } from "../lib/protocol";
import type { Phase } from "./stream";

export type Story = "unknown" | "before" | "live" | "slate" | "interrupted" | "ended";

export function storyOf(
  state: Pick<WatchState, "live" | "live_since" | "slate"> | null,
  stream: { phase: Phase; finished: boolean },
  wasLive: boolean,
): Story {
  if (stream.finished && !state?.live) return "ended";
  if (state?.live) return state.slate ? "slate" : "live";
  if (state?.live_since === null) return wasLive ? "ended" : "before";
  if (state) return "interrupted"; // it began, it did not end, and nothing is being made
  // Without the server's word the stream itself tells.
  if (stream.phase === "ready") return "live";
  return stream.phase === "absent" ? "before" : "unknown";
}

/** What stands in the picture's place, while there is no picture. */
export type Curtain =
  | "none" | "opening" | "touch" | "before" | "soon" | "interrupted" | "ended" | "broken" | "unsupported"; // prettier-ignore

export function curtainOf(
  story: Story,
  stream: { phase: Phase; pictured: boolean; started: boolean; blocked: boolean; atEnd: boolean },
): Curtain {
  if (stream.phase === "unsupported") return "unsupported";
  if (story === "ended" && (stream.atEnd || !stream.started)) return "ended";
  if (stream.blocked) return "touch";
  if (stream.pictured) return "none";
  if (story === "before") return "before";
  if (story === "interrupted") return "interrupted";
  if (stream.phase === "retrying") return "broken";
  if (stream.phase === "absent") return "soon";
  return "opening";
}
