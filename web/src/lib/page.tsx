// Starting a page: theme, language, title, web font, and the first rendering.
import { effect } from "@preact/signals";
import { render, type ComponentChild } from "preact";
import { boot } from "./boot";
import { language, say, speak } from "./i18n";

export type Theme = "dark" | "light" | "auto";
const CHOICE = "linkup-theme";

/** "auto" follows the reader's system until he chooses; the choice is remembered. */
export function setTheme(theme: Theme, remember = false): void {
  if (remember) localStorage.setItem(CHOICE, theme);
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function chosenTheme(): Theme {
  const chosen = localStorage.getItem(CHOICE);
  return chosen === "dark" || chosen === "light" ? chosen : "auto";
}

/** Render a page. `title` is read again when the language changes. */
export function mount(page: ComponentChild, theme: Theme, title: () => string): void {
  setTheme(theme);
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
  effect(() => {
    const name = say(boot.consultation?.title);
    document.title = [title(), name].filter(Boolean).join(" · ");
  });
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "zh" || asked === "en") speak(asked);
  const root = document.getElementById("app") ?? document.body.appendChild(document.createElement("div"));
  root.replaceChildren();
  render(page, root);
  if ("requestIdleCallback" in window) requestIdleCallback(loadFont);
  else setTimeout(loadFont, 200); // Safari
}

/** The served font comes last in the font stack: where a Chinese face is installed, none is fetched. */
function loadFont(): void {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = `/static/${FONTS_CSS}`;
  document.head.append(link);
}
