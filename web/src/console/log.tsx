// What was done last, newest first.
import { say, time } from "../lib/i18n";
import { siteOf, state } from "./desk";
import { words } from "./words";

/** "operator:anna" → "anna"; "site:school" → the school's name */
function person(who: string): string {
  const name = who.slice(who.indexOf(":") + 1);
  return who.startsWith("site:") ? say(siteOf(name)?.name) || name : name;
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
