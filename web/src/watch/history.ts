/**
 * What was said when. A broadcast is seen some seconds late, and a person may go back by minutes:
 * the name beside the picture must be that of the moment in the picture.
 */
const KEPT_MS = 40 * 60_000; // a little more than the window for rewinding

export class History<T> {
  private entries: { at: number; value: T }[] = [];

  add(at: number, value: T): void {
    this.entries.push({ at, value });
    // What is too old goes, but for the last one: it tells what was true at the beginning.
    while (this.entries.length > 1 && this.entries[1]!.at < at - KEPT_MS) this.entries.shift();
  }

  /** What was true at that time; before the first word, the first word. */
  at(time: number): T | null {
    let found = this.entries[0] ?? null;
    for (const entry of this.entries) {
      if (entry.at > time) break;
      found = entry;
    }
    return found?.value ?? null;
  }
}
