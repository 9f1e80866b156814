// The program's sound, silent until the operator wants it.
import { useEffect, useRef } from "preact/hooks";
import { listening, peer } from "./desk";

export function Listening() {
  return <>{peer.value.audio.map((stream, n) => <Player key={n} stream={stream} />)}</>;
}

function Player({ stream }: { stream: MediaStream }) {
  const player = useRef<HTMLAudioElement>(null);
  const on = listening.value;
  useEffect(() => {
    const element = player.current;
    if (!element) return;
    element.srcObject = stream;
    element.muted = !on;
    void element.play().catch(() => undefined); // without a click yet: it plays at the button
  }, [stream, on]);
  return <audio ref={player} muted />;
}
