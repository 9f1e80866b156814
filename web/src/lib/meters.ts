// Levels ten times a second, drawn without rendering anything again: each bar is told its own
// level as a CSS property.

const bars = new Map<string, Set<HTMLElement>>();
const FLOOR = -60; // dBov shown as an empty bar

/** dBov (-127…0) → 0…1 of the bar. */
export function share(level: number): number {
  return Math.min(1, Math.max(0, 1 - level / FLOOR));
}

/** Show the newest levels; a bar whose source is not named falls to silence. */
export function showLevels(levels: Record<string, number>): void {
  for (const [source, elements] of bars) {
    const level = share(levels[source] ?? -127).toFixed(2);
    for (const element of elements) {
      if (element.style.getPropertyValue("--level") !== level) element.style.setProperty("--level", level);
    }
  }
}

/** Let an element follow a source's level; returns how to stop. */
export function followLevel(source: string, element: HTMLElement): () => void {
  const elements = bars.get(source) ?? new Set();
  bars.set(source, elements.add(element));
  return () => {
    elements.delete(element);
    if (!elements.size) bars.delete(source);
  };
}

/** Measure a microphone here in the page, ten times a second, in dBov; returns how to stop. */
export function listen(stream: MediaStream, heard: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    let power = 0;
    for (const sample of samples) power += sample * sample;
    const rms = Math.sqrt(power / samples.length);
    heard(rms > 0 ? Math.max(-127, 20 * Math.log10(rms)) : -127);
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
