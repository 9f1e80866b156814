// The frame of the light pages: mark, language, light or dark.
import { signal } from "@preact/signals";
import { Moon, Sun } from "lucide";
import type { ComponentChildren } from "preact";
import { dictionary } from "../lib/i18n";
import { chosenTheme, setTheme } from "../lib/page";
import { Button } from "../lib/ui/button";
import { LanguageSwitch } from "../lib/ui/languages";

const words = dictionary(
  { home: "linkup 首页", dark: "深色", light: "浅色", skip: "跳到正文" },
  { home: "linkup, home page", dark: "Dark", light: "Light", skip: "Skip to content" },
);

const dark = signal(document.documentElement.dataset["theme"] === "dark");

/** Light unless the reader's system, or the reader, prefers dark. */
export function startTheme(): void {
  setTheme(chosenTheme());
  dark.value = document.documentElement.dataset["theme"] === "dark";
}

function ThemeSwitch() {
  const change = () => {
    dark.value = !dark.value;
    setTheme(dark.value ? "dark" : "light", true);
  };
  return (
    <Button kind="plain" size="small" icon={dark.value ? Sun : Moon} onClick={change}>
      {dark.value ? words.value.light : words.value.dark}
    </Button>
  );
}

/** Two sites and the line between them. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect x="2" y="7" width="11" height="18" rx="3" fill="currentColor" />
      <rect x="19" y="7" width="11" height="18" rx="3" fill="none" stroke="currentColor" stroke-width="2.5" />
      <path d="M13 16h6" stroke="currentColor" stroke-width="2.5" />
    </svg>
  );
}

export function Header({ tools, wide }: { tools?: ComponentChildren; wide?: boolean | undefined }) {
  return (
    <>
      <a class="skip" href="#main">{words.value.skip}</a>
      <header class={`top ${wide ? "wide" : ""}`}>
        <a class="brand" href="/" aria-label={words.value.home}><Mark /><span>linkup</span></a>
        <div class="tools">{tools}<ThemeSwitch /><LanguageSwitch /></div>
      </header>
    </>
  );
}

export function Frame({ children, tools, wide }: { children: ComponentChildren; tools?: ComponentChildren; wide?: boolean }) {
  return (
    <>
      <Header tools={tools} wide={wide} />
      <main id="main" class={wide ? "wide" : ""}>{children}</main>
    </>
  );
}
