// The keyboard. Letters never act while somebody types; space always takes, wherever the focus
// is, because an operator who has just pressed a button must not press it again by taking.
import { addToPreview, chooseLayout, confirmSlate, helping, listening, preview, sites, slateArmed, slateKey, take, toggleAutomatic, undo } from "./desk";
import { LAYOUTS } from "./scene";

const LAYOUT_KEYS = ["q", "w", "e", "r"];

const actions: Record<string, () => void> = {
  " ": () => void take("cut"),
  m: () => void take("mix"),
  u: () => void undo(),
  a: toggleAutomatic,
  s: slateKey,
  h: () => (helping.value = !helping.value),
  "?": () => (helping.value = !helping.value),
  l: () => (listening.value = !listening.value),
  t: () => document.getElementById("strip-name")?.focus(),
};

function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
}

function escape(): void {
  slateArmed.value = false;
  helping.value = false;
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/** The site of a digit key, also when Shift makes another sign of it. */
function siteOfDigit(event: KeyboardEvent): string | undefined {
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
  return digit ? sites.value[Number(digit) - 1]?.id : undefined;
}

function act(event: KeyboardEvent): boolean {
  const site = siteOfDigit(event);
  if (site) {
    if (event.shiftKey) addToPreview(site);
    else preview(site);
    return true;
  }
  const key = event.key.toLowerCase();
  if (key === "enter") {
    if (!slateArmed.value) return false;
    confirmSlate();
    return true;
  }
  const layout = LAYOUTS[LAYOUT_KEYS.indexOf(key)];
  if (layout) chooseLayout(layout);
  else actions[key]?.();
  return !!layout || key in actions;
}

function pressed(event: KeyboardEvent): void {
  if (event.key === "Escape") return escape();
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.repeat) {
    if (event.key === " ") event.preventDefault(); // a held key takes once
    return;
  }
  if (act(event)) event.preventDefault();
}

function released(event: KeyboardEvent): void {
  if (event.key === " " && !isTyping(event)) event.preventDefault(); // Firefox clicks on release
}

export function listenToKeys(): () => void {
  addEventListener("keydown", pressed, true);
  addEventListener("keyup", released, true);
  return () => {
    removeEventListener("keydown", pressed, true);
    removeEventListener("keyup", released, true);
  };
}
