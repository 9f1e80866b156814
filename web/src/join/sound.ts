// The test sound, and playing it on the chosen loudspeaker.

const NOTES = [523.25, 659.25, 783.99]; // Hz: c, e, g
const NOTE_S = 0.35;
const GAP_S = 0.1;

type WithSink = HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };

/** Send an audio element to a loudspeaker, where the browser can. */
export async function useLoudspeaker(element: HTMLAudioElement, id: string): Promise<void> {
  await (element as WithSink).setSinkId?.(id).catch(() => undefined); // unplugged: stays at the default
}

/** Play three short tones; resolves when they have ended. */
export async function playTones(loudspeaker: string): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  NOTES.forEach((hertz, n) => tone(context, out, hertz, context.currentTime + 0.1 + n * (NOTE_S + GAP_S)));
  const element = new Audio();
  element.srcObject = out.stream;
  await useLoudspeaker(element, loudspeaker);
  await element.play();
  await new Promise((done) => setTimeout(done, 1000 * (0.3 + NOTES.length * (NOTE_S + GAP_S))));
  element.pause();
  await context.close();
}

function tone(context: AudioContext, out: AudioNode, hertz: number, at: number): void {
  const source = new OscillatorNode(context, { frequency: hertz });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.3, at + 0.02); // a slope, not a click
  volume.gain.linearRampToValueAtTime(0, at + NOTE_S);
  source.connect(volume).connect(out);
  source.start(at);
  source.stop(at + NOTE_S + 0.05);
}
