// Where each feed stands in the picture: the same numbers as linkup/show/scene.py
// (a test compares them), so that the preview is what goes on air.
import type { Layout } from "../lib/protocol";
import table from "./scene.json";

/** x, y, width, height as fractions of the picture. */
export type Rectangle = [number, number, number, number];
export const LAYOUTS: Layout[] = ["full", "side", "pip", "four"];

const places = table as unknown as Record<Layout, Rectangle[][]>;

export function capacity(layout: Layout): number {
  return places[layout].length;
}

/** The places of the first `count` feeds. */
export function rectangles(layout: Layout, count: number): Rectangle[] {
  const byCount = places[layout];
  return count > 0 ? byCount[Math.min(count, byCount.length) - 1] ?? [] : [];
}

/** The layout wanted, or the smallest that has room for so many. */
export function layoutFor(wanted: Layout, count: number): Layout {
  if (count <= 1) return "full";
  if (wanted !== "full" && capacity(wanted) >= count) return wanted;
  return count === 2 ? "side" : "four";
}
