// Beside the picture: the name strip, the outputs, a word with a site, and what was done last.
import { Log } from "./log";
import { Outputs } from "./outputs";
import { SitePanel } from "./site-panel";
import { StripEditor } from "./strip-editor";

export function Side() {
  return (
    <aside class="side">
      <StripEditor />
      <Outputs />
      <SitePanel />
      <Log />
    </aside>
  );
}
