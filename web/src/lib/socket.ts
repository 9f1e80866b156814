// The only module that knows WebSocket: one line to the server that comes back by itself.
//
//   connecting → open → waiting → connecting …        (0.25 s, doubling up to 4 s)
//              ↘ closed    by close(), or by a close code that says: do not come back
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Text } from "./boot";
import type { Refused } from "./protocol";

export type LineState = "connecting" | "open" | "waiting" | "closed";
export type CloseReason = "signed-out" | "seat-taken" | "ended" | null;

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
const ANSWER_MS = 10_000;
const SIGNED_OUT = 4001;
const SEAT_TAKEN = 4003;
const TOO_FAST = 4008;
const RESTARTING = 1012;

/** The server said no; `text` is for people. */
export class RequestError extends Error {
  constructor(readonly code: string, readonly text: Text) {
    super(text.en);
  }
}

const UNSENT: Text = { zh: "与服务器的连接断开，刚才的操作没有完成。", en: "The server cannot be reached; nothing was changed." };

interface Waiting { resolve: (answer: never) => void; reject: (error: RequestError) => void; timer: number }
interface Incoming { type: string; id?: number }

export interface LineOptions<In> {
  /** Called when the line is open, before anything else is sent: say hello. */
  opened: () => void;
  /** Every message that is not the answer to a request. */
  message: (message: In) => void;
  /** ms of silence after which the line is given up and made anew; 0: silence is normal. */
  silence?: number;
  /** Called after half of that: ask something that the server answers. */
  quiet?: () => void;
}

export class Line<In extends { type: string }, Out extends { type: string }> {
  readonly #state = signal<LineState>("connecting");
  readonly #reason = signal<CloseReason>(null);
  readonly #url: string;
  readonly #options: LineOptions<In>;
  readonly #waiting = new Map<number, Waiting>();
  #socket: WebSocket | null = null;
  #wait = FIRST_WAIT_MS;
  #timer = 0;
  #lastHeard = 0;
  #nextId = 1;

  /** `path` like "/ws/site?token=…"; connects at once. */
  constructor(path: string, options: LineOptions<In>) {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    this.#options = options;
    addEventListener("online", this.#comeBack);
    document.addEventListener("visibilitychange", this.#comeBack);
    setInterval(this.#watch, 1000);
    this.#connect();
  }

  get state(): ReadonlySignal<LineState> { return this.#state; }
  /** Why it is closed for good. */
  get reason(): ReadonlySignal<CloseReason> { return this.#reason; }

  /** Send without waiting for an answer; false when the line is not open. */
  send(message: Out): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Send and wait for `done` or the answer. Rejects with `RequestError`. */
  request<A = unknown>(message: Out): Promise<A> {
    const id = this.#nextId++;
    return new Promise<A>((resolve, reject) => {
      if (!this.send({ ...message, id })) return reject(new RequestError("unsent", UNSENT));
      const timer = window.setTimeout(() => this.#settle(id)?.reject(new RequestError("no-answer", UNSENT)), ANSWER_MS);
      this.#waiting.set(id, { resolve: resolve as (answer: never) => void, reject, timer });
    });
  }

  /** End it for good. */
  close(reason: CloseReason = "ended"): void {
    clearTimeout(this.#timer);
    this.#reason.value = reason;
    this.#state.value = "closed";
    this.#socket?.close(1000);
    this.#refuseAll();
  }

  /** After `seat-taken`: the person wants the seat here again. */
  reopen(): void {
    this.#reason.value = null;
    this.#wait = FIRST_WAIT_MS;
    this.#connect();
  }

  #connect = (): void => {
    clearTimeout(this.#timer);
    this.#state.value = "connecting";
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#lastHeard = performance.now();
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#state.value = "open";
      this.#options.opened();
    };
    socket.onmessage = (event) => { if (socket === this.#socket) this.#hear(event.data); };
    socket.onclose = (event) => { if (socket === this.#socket) this.#lost(event.code); };
  };

  #hear(data: unknown): void {
    this.#lastHeard = performance.now();
    this.#wait = FIRST_WAIT_MS;
    const message = JSON.parse(String(data)) as Incoming;
    const waiting = message.id === undefined ? undefined : this.#settle(message.id);
    if (!waiting) this.#options.message(message as unknown as In);
    else if (message.type === "error") {
      const { code, text } = message as Refused;
      waiting.reject(new RequestError(code, text));
    } else waiting.resolve(message as never);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting) clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }

  #refuseAll(): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(new RequestError("unsent", UNSENT));
  }

  #lost(code: number): void {
    this.#refuseAll();
    if (this.#state.value === "closed") return;
    if (code === SIGNED_OUT) return this.close("signed-out");
    if (code === SEAT_TAKEN) return this.close("seat-taken");
    if (code === RESTARTING) this.#wait = FIRST_WAIT_MS;
    if (code === TOO_FAST) this.#wait = LONGEST_WAIT_MS;
    this.#state.value = "waiting";
    const chance = 0.8 + Math.random() * 0.4; // a hall full of pages must not come back as one
    this.#timer = window.setTimeout(this.#connect, this.#wait * chance);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  /** A dead network closes no socket for minutes; silence tells it sooner. */
  #watch = (): void => {
    const silence = this.#options.silence ?? 0;
    const heard = performance.now() - this.#lastHeard;
    if (!silence || this.#state.value === "closed" || this.#state.value === "waiting") return;
    if (heard > silence / 2 && this.#state.value === "open") this.#options.quiet?.();
    if (heard < silence) return;
    const dead = this.#socket;
    this.#socket = null;
    dead?.close();
    this.#lost(1006);
  };

  #comeBack = (): void => {
    if (this.#state.value === "waiting" && navigator.onLine) this.#connect();
  };
}
