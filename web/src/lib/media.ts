// Line and peer together: whenever the line opens, media is kept or made anew; whenever the peer
// fails, a new one is offered. Used by the branch page and the console.
//
//   line opens, no living peer  → hello, offer (in one breath: the answer to hello need not be waited for)
//   line opens, peer lives      → hello {peer} → welcome "keep": nothing; "renew" or "new": offer
//   peer fails, line open       → offer
//   nothing heard on the peer   → `doubt`: the page says hello {peer}; welcome "renew": offer
//     for some seconds
import { signal, type ReadonlySignal } from "@preact/signals";
import { Peer, type PeerOptions } from "./peer";
import type { Answer, MediaAnswer } from "./protocol";
import { RequestError, type Line } from "./socket";

type OfferLine = Line<{ type: string }, { type: "offer"; sdp: string }>;

const AGAIN_MS = 1000; // after an offer was refused
const LOOK_MS = 1000;
const SILENT_LOOKS = 3; // an idle connection still gets answers to its checks every 2.5 s

export interface MediaHooks {
  /** Give a new peer its tracks. */
  ready?: (peer: Peer) => void;
  /** Ask the server whether the peer still lives: say hello. */
  doubt: () => void;
}

export class Media {
  readonly #options: PeerOptions;
  readonly #shown = signal<Peer>(null as never);
  readonly #hooks: MediaHooks;
  #line: OfferLine | null = null;
  #peer: Peer;
  #id: string | null = null;
  #timer = 0;
  #stopWatching: () => void = () => undefined;
  #heard = { sign: -1, silent: 0 };
  #showed = false; // some slot showed something when we were last told

  /** Makes the first peer and its offer at once. */
  constructor(options: PeerOptions, hooks: MediaHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#peer = this.#make();
    this.#shown.value = this.#peer;
    setInterval(() => void this.#look(), LOOK_MS);
  }

  /** The peer whose pictures are shown: the old one until the new one is connected. */
  get shown(): ReadonlySignal<Peer> { return this.#shown; }
  /** The peer that is being used or made. */
  get current(): Peer { return this.#peer; }

  /** What hello says: the peer that still lives. */
  get living(): { peer?: string } {
    const alive = this.#peer.state.value === "connected" || this.#peer.state.value === "unsteady";
    return alive && this.#id ? { peer: this.#id } : {};
  }

  /** The line has opened and hello was sent. */
  opened(line: unknown): void {
    this.#line = line as OfferLine;
    if (!this.living.peer) void this.#offer();
  }

  /** The server's welcome: an offer that is on its way already is not made twice. */
  welcomed(media: MediaAnswer): void {
    if (media === "renew" && this.living.peer) this.renew();
  }

  /** The state's slots: when all fall empty at once, the server may have lost our peer. */
  told(slots: (string | null)[]): void {
    const some = slots.some((each) => each !== null);
    if (this.#showed && !some && this.living.peer) this.#hooks.doubt();
    this.#showed = some;
  }

  /** Leave this peer and offer a new one. */
  renew(): void {
    clearTimeout(this.#timer);
    this.#stopWatching();
    const old = this.#peer;
    if (old !== this.#shown.value) old.close();
    this.#id = null;
    this.#peer = this.#make();
    void this.#offer();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stopWatching();
    this.#line = null;
    this.#peer.close();
    this.#shown.value.close();
  }

  #make(): Peer {
    const peer = new Peer(this.#options);
    this.#hooks.ready?.(peer);
    void peer.offer();
    return peer;
  }

  async #offer(): Promise<void> {
    if (this.#peer.state.value !== "new") this.#replace();
    const peer = this.#peer;
    const line = this.#line;
    try {
      const sdp = await peer.offer();
      if (!line || peer !== this.#peer) return;
      this.#watch(peer);
      const answer = await line.request<Answer>({ type: "offer", sdp });
      this.#id = answer.peer;
      await peer.accept(answer.sdp);
    } catch (error) {
      if (peer !== this.#peer || line?.state.value !== "open") return; // the next opening offers again
      if (error instanceof RequestError && error.code === "unsent") return;
      this.#timer = window.setTimeout(() => this.renew(), AGAIN_MS);
    }
  }

  #replace(): void {
    this.#stopWatching();
    if (this.#peer !== this.#shown.value) this.#peer.close();
    this.#peer = this.#make();
  }

  #watch(peer: Peer): void {
    this.#stopWatching();
    this.#stopWatching = peer.state.subscribe((state) => {
      if (peer !== this.#peer) return;
      if (state === "connected" && this.#shown.peek() !== peer) {
        const old = this.#shown.peek();
        queueMicrotask(() => { this.#shown.value = peer; old.close(); });
      }
      if (state === "failed") queueMicrotask(() => this.#failed(peer));
    });
  }

  /** A browser takes ten seconds and more to call a dead connection failed; silence tells sooner. */
  async #look(): Promise<void> {
    const peer = this.#peer;
    if (!this.living.peer) return;
    const sign = await peer.signOfLife();
    if (peer !== this.#peer) return;
    this.#heard = { sign, silent: sign === this.#heard.sign ? this.#heard.silent + 1 : 0 };
    if (this.#heard.silent >= SILENT_LOOKS) this.#hooks.doubt();
  }

  #failed(peer: Peer): void {
    if (peer !== this.#peer) return;
    this.#id = null;
    if (this.#line?.state.value === "open") this.renew();
  }
}
