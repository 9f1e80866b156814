// What was done last, newest first.
import { say, time } from "../lib/i18n";
import { state } from "./desk";
import { words } from "./words";

/** "operator:anna" → "anna". A site's own doings name the site already. */
function person(who: string): string {
  return who.startsWith("operator:") ? who.slice("operator:".length) : "";
}

export function Log() {
  const w = words.value;
  const lines = [...(state.value?.log ?? [])].sort((a, b) => b.at - a.at);
  return (
    <section class="panel log">
      <h2>{w.log}</h2>
      {state.value && !lines.length && <p class="quiet">{w.logEmpty}</p>}
      <ol tabIndex={0} aria-label={w.log}>
        {lines.map((line) => (
          <li key={`${line.at}/${say(line.text)}`}>
            <time class="figures">{time(line.at)}</time><span>{say(line.text)}</span><span class="quiet">{person(line.who)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
