import { CircleCheck, CircleX, Info, TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

const shapes = { plain: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleX };

/** One calm sentence with a sign. Announced to screen readers when it appears. */
export function Notice({ kind = "plain", children }: { kind?: keyof typeof shapes; children: ComponentChildren }) {
  return <div class={`notice ${kind}`} role="status"><Icon of={shapes[kind]} /><div>{children}</div></div>;
}
