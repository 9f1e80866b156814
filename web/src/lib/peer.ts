// The only module that knows RTCPeerConnection: one connection with what we send and a fixed
// number of receive slots (docs/protocol.md, "Media from a page"). It never renegotiates; when
// its network is lost it ends as "failed" and its owner makes a new one.
//
//   new → offered → connecting → connected ⇄ unsteady → failed
//   any → closed
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Report } from "./protocol";

export type PeerState = "new" | "offered" | "connecting" | "connected" | "unsteady" | "failed" | "closed";

const CAMERA_BITS = 1_500_000; // bit/s, 720p
const VOICE_BITS = 48_000;
const CONNECT_MS = 8000; // offered and no connection: it will not come any more
const UNSTEADY_MS = 5000; // ICE "disconnected" for so long is a failure

export interface PeerOptions {
  publishes: boolean;
  video: number; // receive slots
  audio: number;
}

export class Peer {
  readonly #connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  readonly #state = signal<PeerState>("new");
  readonly #microphone: RTCRtpTransceiver | null = null;
  readonly #camera: RTCRtpTransceiver | null = null;
  /** One stream a slot, in the order of the offer; they last as long as the peer. */
  readonly video: MediaStream[];
  readonly audio: MediaStream[];
  #offer: Promise<string> | null = null;
  #timer = 0;
  #before: Counters | null = null;

  constructor(options: PeerOptions) {
    if (options.publishes) {
      this.#microphone = this.#connection.addTransceiver("audio", {
        direction: "sendonly",
        sendEncodings: [{ maxBitrate: VOICE_BITS, priority: "high", networkPriority: "high" }],
      });
      this.#camera = this.#connection.addTransceiver("video", {
        direction: "sendonly",
        sendEncodings: [{ maxBitrate: CAMERA_BITS, maxFramerate: 30 }],
      });
      preferVp8(this.#camera);
    }
    this.video = this.#slots("video", options.video);
    this.audio = this.#slots("audio", options.audio);
    this.#connection.onconnectionstatechange = () => this.#changed();
  }

  get state(): ReadonlySignal<PeerState> { return this.#state; }

  #slots(kind: "audio" | "video", count: number): MediaStream[] {
    return Array.from({ length: count }, () => {
      const slot = this.#connection.addTransceiver(kind, { direction: "recvonly" });
      return new MediaStream([slot.receiver.track]);
    });
  }

  /** The offer. May be made long before it is sent: keys and codecs are then ready at the click. */
  offer(): Promise<string> {
    this.#offer ??= this.#describe();
    return this.#offer;
  }

  async #describe(): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    return this.#connection.localDescription?.sdp ?? "";
  }

  /** The server's answer. Rejects when the browser does not understand it. */
  async accept(sdp: string): Promise<void> {
    if (this.#state.value === "closed") return;
    this.#enter("connecting");
    this.#await(CONNECT_MS);
    await this.#connection.setRemoteDescription({ type: "answer", sdp: steadyVoice(sdp) });
    await this.#preferMotion();
  }

  /** Give another microphone, or none. No renegotiation. */
  async sendMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.#microphone?.sender.replaceTrack(track);
  }

  async sendCamera(track: MediaStreamTrack | null): Promise<void> {
    if (track) track.contentHint = "motion";
    await this.#camera?.sender.replaceTrack(track);
  }

  /** A soft face is better than a jerking one: on a thin line give up sharpness first. */
  async #preferMotion(): Promise<void> {
    const sender = this.#camera?.sender;
    if (!sender) return;
    const parameters = sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
    parameters.degradationPreference = "maintain-framerate";
    await sender.setParameters(parameters).catch(() => undefined); // Firefox knows it not
  }

  /** What came in since the last call, all slots together; null before anything did. */
  async report(): Promise<Report | null> {
    const now = await count(this.#connection);
    const before = this.#before;
    this.#before = now;
    return before && now.at > before.at ? compare(before, now) : null;
  }

  /** A number that changes whenever anything at all was received. */
  async signOfLife(): Promise<number> {
    let sum = 0;
    (await this.#connection.getStats()).forEach((entry: Record<string, unknown>) => {
      if (entry["type"] !== "candidate-pair") return;
      for (const key of ["packetsReceived", "bytesReceived", "responsesReceived"]) sum += Number(entry[key] ?? 0);
    });
    return sum;
  }

  close(): void {
    this.#enter("closed");
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #changed(): void {
    const state = this.#connection.connectionState;
    if (state === "connected") this.#enter("connected");
    else if (state === "failed" || state === "closed") this.#enter("failed");
    else if (state === "disconnected") {
      this.#enter("unsteady");
      this.#await(UNSTEADY_MS);
    }
  }

  #enter(state: PeerState): void {
    if (this.#state.value === "closed") return;
    clearTimeout(this.#timer);
    this.#state.value = state;
  }

  #await(ms: number): void {
    this.#timer = window.setTimeout(() => this.#enter("failed"), ms);
  }
}

/** VP8 first: Firefox has no H.264 on a closed network. */
function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = (codec: RTCRtpCodec) => (/vp8/i.test(codec.mimeType) ? 0 : 1);
  const ordered = [...codecs].sort((a, b) => rank(a) - rank(b));
  if (ordered.length && "setCodecPreferences" in transceiver) transceiver.setCodecPreferences(ordered);
}

/** Opus as we want to send it: no gaps in silence, redundancy against loss. */
export function steadyVoice(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1];
  if (!opus) return sdp;
  const wanted = "useinbandfec=1;usedtx=0";
  return sdp.replace(new RegExp(`^(a=fmtp:${opus} )(.*?)(\\r?)$`, "gm"), (_, head: string, rest: string, end: string) => {
    const kept = rest.split(";").map((part) => part.trim()).filter((part) => part && !/^use(inbandfec|dtx)=/.test(part));
    return `${head}${[...kept, wanted].join(";")}${end}`;
  });
}

interface Counters { at: number; received: number; lost: number; freezes: number; frames: number; jitter: number; rtt: number }

async function count(connection: RTCPeerConnection): Promise<Counters> {
  const sum: Counters = { at: performance.now(), received: 0, lost: 0, freezes: 0, frames: 0, jitter: 0, rtt: 0 };
  (await connection.getStats()).forEach((entry: Record<string, unknown>) => {
    const value = (key: string) => (typeof entry[key] === "number" ? (entry[key] as number) : 0);
    if (entry["type"] === "inbound-rtp") {
      sum.received += value("packetsReceived");
      sum.lost += value("packetsLost");
      sum.freezes += value("freezeCount");
      sum.frames = Math.max(sum.frames, value("framesDecoded"));
      sum.jitter = Math.max(sum.jitter, value("jitter"));
    } else if (entry["type"] === "candidate-pair" && entry["nominated"]) sum.rtt = value("currentRoundTripTime");
  });
  return sum;
}

function compare(before: Counters, now: Counters): Report {
  const seconds = (now.at - before.at) / 1000;
  const lost = Math.max(0, now.lost - before.lost);
  const all = lost + Math.max(0, now.received - before.received);
  return {
    freezes: Math.max(0, now.freezes - before.freezes),
    fps: Math.round((Math.max(0, now.frames - before.frames) / seconds) * 10) / 10,
    loss: all ? Math.round((lost / all) * 10_000) / 10_000 : 0,
    rtt_ms: Math.round(now.rtt * 1000),
    jitter_ms: Math.round(now.jitter * 1000),
  };
}
