import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { followLevel, share } from "../meters";

/** A level bar that follows a source of `showLevels`. */
export function Meter({ source, label }: { source: string; label?: string }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => (bar.current ? followLevel(source, bar.current) : undefined), [source]);
  return <Bar refer={bar} label={label} />;
}

/** A level bar for a level that the page measures itself: `subscribe` is called with its painter. */
export function OwnMeter({ subscribe, label }: { subscribe: (paint: (level: number) => void) => () => void; label?: string }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => subscribe((level) => bar.current?.style.setProperty("--level", share(level).toFixed(2))), [subscribe]);
  return <Bar refer={bar} label={label} />;
}

function Bar({ refer, label }: { refer: RefObject<HTMLSpanElement | null>; label: string | undefined }) {
  const named = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true };
  return <span class="meter" ref={refer} {...named}><i /></span>;
}
