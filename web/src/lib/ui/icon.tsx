// Lucide's icons as inline SVG; only those that a page names are in its bundle.
import type { IconNode } from "lucide";
import { h } from "preact";

/** Decoration beside a word by default; give `label` where it stands alone. */
export function Icon({ of, label, class: extra }: { of: IconNode; label?: string; class?: string }) {
  const named = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true };
  return (
    <svg class={`icon ${extra ?? ""}`} viewBox="0 0 24 24" fill="none" stroke="currentColor"
      stroke-linecap="round" stroke-linejoin="round" {...named}>
      {of.map(([tag, attributes]) => h(tag, attributes as Record<string, string>))}
    </svg>
  );
}
