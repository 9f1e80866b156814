// The three audio slots. Sound starts at the click on join; after a reload the browser may hold
// it back until the person presses a button.
import { Volume2 } from "lucide";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../lib/ui/button";
import { chosen } from "./devices";
import { peer } from "./seat";
import { useLoudspeaker } from "./sound";
import { words } from "./words";

const blocked = signal(false);

export function Sound() {
  const players = useRef<HTMLDivElement>(null);
  const w = words.value;
  const startAll = () => {
    blocked.value = false;
    players.current?.querySelectorAll("audio").forEach((element) => void start(element));
  };
  return (
    <div ref={players} class="sound">
      {peer.value.audio.map((stream, n) => <Voice key={n} stream={stream} />)}
      {blocked.value && (
        <div class="sound-blocked" role="alert">{w.soundBlocked}<Button kind="main" icon={Volume2} onClick={startAll}>{w.soundStart}</Button></div>
      )}
    </div>
  );
}

async function start(element: HTMLAudioElement): Promise<void> {
  try {
    await element.play();
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotAllowedError") blocked.value = true;
  }
}

function Voice({ stream }: { stream: MediaStream }) {
  const player = useRef<HTMLAudioElement>(null);
  const loudspeaker = chosen.loudspeaker.value;
  useEffect(() => {
    const element = player.current;
    if (!element) return;
    element.srcObject = stream;
    void useLoudspeaker(element, loudspeaker).then(() => start(element));
  }, [stream, loudspeaker]);
  return <audio ref={player} />;
}
