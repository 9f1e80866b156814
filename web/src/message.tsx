// A page that says what happened, whose turn it is and what to do. The words are the server's.
import { addFrame } from "./home/shell";
import { dictionary } from "./lib/i18n";
import "../styles/base.css";
import "../styles/pages.css";
import "../styles/message.css";

const words = dictionary({ again: "再试一次" }, { again: "Try again" });

/** Only what may pass by itself is worth another attempt; a revoked link is not. */
const PASSING = /^(busy|media-away|internal|server|unavailable|timeout|too-)/;

function addRetry(): void {
  const code = document.querySelector<HTMLElement>("main.message")?.dataset["code"] ?? "";
  const last = document.querySelector("main.message > p:last-of-type");
  if (!PASSING.test(code) || !last || location.pathname === "/sign-in") return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button main";
  button.textContent = words.value.again;
  button.addEventListener("click", () => location.reload());
  last.prepend(button);
}

addFrame();
addRetry();
