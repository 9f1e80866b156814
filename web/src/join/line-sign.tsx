// The line's quality in words beside a sign; where it is not good, what we did about it.
import { SignalHigh, SignalLow, SignalMedium, SignalZero } from "lucide";
import { say } from "../lib/i18n";
import { Icon } from "../lib/ui/icon";
import { connection, state } from "./seat";
import { words } from "./words";

const signs = { good: SignalHigh, fair: SignalMedium, poor: SignalLow, lost: SignalZero };

export function LineSign() {
  const w = words.value;
  const line = state.value?.line;
  const quality = connection.value === "fine" ? (line?.quality ?? "good") : "lost";
  const more = quality !== "good" && connection.value === "fine" ? say(line?.text) : "";
  return (
    <p class={`line-sign ${quality}`} role="status">
      <Icon of={signs[quality]} /><span>{more || `${w.quality} ${w[quality]}`}</span>
    </p>
  );
}
