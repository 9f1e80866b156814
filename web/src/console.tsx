// The operator's desk.
import "./../styles/base.css";
import "./../styles/console.css";
import { useEffect } from "preact/hooks";
import { mount } from "./lib/page";
import { closedBecause } from "./console/desk";
import { Head } from "./console/head";
import { Help } from "./console/help";
import { listenToKeys } from "./console/keys";
import { PreviewMonitor, ProgramMonitor } from "./console/monitors";
import { Side } from "./console/side";
import { SignedOut } from "./console/signed-out";
import { StatusLine } from "./console/status-line";
import { Switches } from "./console/switches";
import { Wall } from "./console/wall";
import { words } from "./console/words";

function Console() {
  useEffect(listenToKeys, []);
  if (closedBecause.value === "signed-out") return <SignedOut />;
  return (
    <div class="desk">
      <Head />
      <main>
        <div class="monitors">
          <PreviewMonitor />
          <Switches />
          <ProgramMonitor />
        </div>
        <Wall />
      </main>
      <Side />
      <StatusLine />
      <Help />
    </div>
  );
}

mount(<Console />, "dark", () => words.value.page);
