import type { ComponentChildren } from "preact";
import { bootOf } from "../lib/boot";
import { say } from "../lib/i18n";
import { LanguageSwitch } from "../lib/ui/languages";

const boot = bootOf("join");

/** Whose page this is, and of what. */
export function Header({ children, end }: { children?: ComponentChildren; end?: ComponentChildren }) {
  return (
    <header class="top">
      <div class="titles">
        <h1>{say(boot.site.name)}</h1>
        <p class="quiet">{say(boot.consultation.title)}</p>
      </div>
      <div class="top-right">{children}<LanguageSwitch />{end}</div>
    </header>
  );
}
