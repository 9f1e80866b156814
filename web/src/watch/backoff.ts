/** Waiting times between attempts: 0.5 s, 1 s, 2 s, then 4 s for ever. Nobody is given up. */
const FIRST_MS = 500;
const LONGEST_MS = 4000;

export class Backoff {
  attempts = 0;

  next(): number {
    const wait = Math.min(FIRST_MS * 2 ** this.attempts, LONGEST_MS);
    this.attempts += 1;
    return wait;
  }

  reset(): void {
    this.attempts = 0;
  }
}
