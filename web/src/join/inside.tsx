// Inside the session: the main picture, the others small, oneself, one sentence, three buttons.
import { useEffect } from "preact/hooks";
import { Notice } from "../lib/ui/notice";
import { say } from "../lib/i18n";
import { Controls, Leave } from "./controls";
import { Header } from "./header";
import { LineSign } from "./line-sign";
import { Main, Others } from "./pictures";
import { Own } from "./own";
import { NoteFromHall, Sentence } from "./sentence";
import { connection, refused, state } from "./seat";
import { keepAwake } from "./awake";
import { Sound } from "./sound-out";

export function Inside() {
  useEffect(() => keepAwake(), []);
  const tally = state.value?.tally ?? "off";
  return (
    <div class={`inside ${tally}`}>
      <Header end={<Leave />}><LineSign /></Header>
      <main>
        <div class="stage">
          <Sentence />
          <NoteFromHall />
          <Main />
        </div>
        <aside class="beside">
          <Others />
          <Own />
        </aside>
      </main>
      <Sound />
      <footer>
        {refused.value && connection.value === "fine" && <Notice kind="warn">{say(refused.value)}</Notice>}
        <Controls />
      </footer>
    </div>
  );
}
