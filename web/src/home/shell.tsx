// Sign-in and messages stand in the server's HTML, complete without a script. A script only adds
// the frame around them, and brings the page in the other language when it is asked for.
import { effect } from "@preact/signals";
import { render } from "preact";
import { boot } from "../lib/boot";
import { language } from "../lib/i18n";
import { Header, startTheme } from "../watch/frame";

export function addFrame(): void {
  const place = document.createElement("div");
  document.body.prepend(place);
  render(<Header />, place);
  startTheme();
  document.querySelector("main")?.setAttribute("id", "main");
  effect(() => {
    if (language.value === boot.language) return;
    const address = new URL(location.href);
    address.searchParams.set("lang", language.value);
    location.replace(address);
  });
}
