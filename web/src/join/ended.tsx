// The page when it has no seat any more: what happened and what to do.
import { LogIn } from "lucide";
import { say } from "../lib/i18n";
import { Button } from "../lib/ui/button";
import { Header } from "./header";
import { comeBack, type Ending } from "./seat";
import { words } from "./words";

export function Ended({ ending }: { ending: Ending }) {
  const w = words.value;
  const [title, text] = {
    taken: [w.takenTitle, w.takenText],
    "signed-out": [w.signedOutTitle, w.signedOutText],
    left: [w.leftTitle, w.leftText],
    ended: [w.endedTitle, ending.kind === "ended" ? say(ending.text) : ""],
  }[ending.kind] as [string, string];
  return (
    <div class="before">
      <Header />
      <main class="ended">
        <div role="alert">
          <h2>{title}</h2>
          <p>{text}</p>
        </div>
        {ending.kind !== "signed-out" && (
          <Button kind="main" size="large" icon={LogIn} onClick={comeBack}>{ending.kind === "taken" ? w.takeBack : w.comeBack}</Button>
        )}
      </main>
    </div>
  );
}
