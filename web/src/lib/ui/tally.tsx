// On air, next, off air, absent: colour, shape and word together.
import { Circle, CircleDashed, Play, Square } from "lucide";
import { dictionary } from "../i18n";
import type { Tally as State } from "../protocol";
import { Icon } from "./icon";

const words = dictionary(
  { air: "播出中", next: "下一个", off: "未播出", absent: "离线" },
  { air: "ON AIR", next: "NEXT", off: "Off air", absent: "Offline" },
);
const shapes = { air: Square, next: Play, off: Circle, absent: CircleDashed };

export function Tally({ state }: { state: State | "absent" }) {
  return <span class={`tally ${state}`}><Icon of={shapes[state]} class={state === "air" || state === "next" ? "filled" : ""} />{words.value[state]}</span>;
}
