// Step three: the line, checked by itself when the page opened.
import { RefreshCw } from "lucide";
import { Button } from "../lib/ui/button";
import { Notice } from "../lib/ui/notice";
import { checkLine, checking, result, speed, type Verdict } from "./line";
import { words } from "./words";

/** A verdict as a sentence, or (`short`) its first clause. */
export function lineWords(verdict: Verdict, short = false): string {
  const w = words.value;
  const text = { good: w.lineGood, fair: w.lineFair, slow: w.lineSlow, blocked: w.lineBlocked, none: w.lineNone }[verdict];
  return short ? (text.split(/[，。,.;]/)[0] ?? text) : text;
}

const kinds = { good: "good", fair: "warn", slow: "warn", blocked: "bad", none: "bad" } as const;

export function LineStep({ token }: { token: string }) {
  const w = words.value;
  const found = result.value;
  return (
    <>
      <p class="hint">{w.lineHint}</p>
      {checking.value && <Notice>{w.checking}</Notice>}
      {!checking.value && found && (
        <Notice kind={kinds[found.verdict]}>
          <p>{lineWords(found.verdict)}</p>
          {found.verdict !== "none" && (
            <p class="quiet figures">{w.lineFigures(speed(found.down_kbps), speed(found.up_kbps), found.rtt_ms)}</p>
          )}
        </Notice>
      )}
      <div class="step-actions">
        <Button icon={RefreshCw} disabled={checking.value} onClick={() => void checkLine(token)}>{w.again}</Button>
      </div>
    </>
  );
}
