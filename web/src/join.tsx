// The branch page: three checks, then the session.
import "./../styles/base.css";
import "./../styles/join.css";
import { bootOf } from "./lib/boot";
import { say } from "./lib/i18n";
import { mount } from "./lib/page";
import { Before } from "./join/before";
import { openBoth, openMicrophoneOnly } from "./join/devices";
import { Ended } from "./join/ended";
import { Inside } from "./join/inside";
import { cameraOn, ending, enter, inside } from "./join/seat";
import { words } from "./join/words";

const boot = bootOf("join");

function Join() {
  if (ending.value) return <Ended ending={ending.value} />;
  return inside.value ? <Inside /> : <Before />;
}

mount(<Join />, "dark", () => say(boot.site.name) || words.value.page);
if (inside.value) enter(boot.token); // the page was reloaded during the session
if (inside.value && !cameraOn.value) void openMicrophoneOnly();
else void openBoth();
