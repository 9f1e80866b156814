/**
 * At which moment a clip begins: its first key frame, which lies before the moment asked for.
 *
 * A media element does not tell; the server does, in a header (`Clip-Started`, UTC ms), or in the
 * file itself: WebM has the element DateUTC (RFC 9559 §5.1.2.12), in nanoseconds since 2001.
 */
const HEADER = "Clip-Started";
const DATE_UTC = [0x44, 0x61, 0x88]; // the id and its size, 8 bytes
const EPOCH_2001_MS = Date.UTC(2001, 0, 1);
const ENOUGH = 4096; // bytes; the element stands at the head of the file

/** UTC ms of the first frame, or null where nothing tells. Throws when there is no such clip. */
export async function clipStart(address: string, signal: AbortSignal): Promise<number | null> {
  const look = new AbortController();
  const end = () => look.abort();
  signal.addEventListener("abort", end);
  try {
    const response = await fetch(address, { signal: look.signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const told = Number(response.headers.get(HEADER));
    if (told > 0) return told;
    return response.body ? findDate(await head(response.body)) : null;
  } finally {
    signal.removeEventListener("abort", end);
    look.abort(); // the rest is for the media element
  }
}

async function head(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = body.getReader();
  const parts: number[] = [];
  while (parts.length < ENOUGH) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(...value.subarray(0, ENOUGH - parts.length));
  }
  return Uint8Array.from(parts);
}

/** The DateUTC of a WebM file's head as UTC ms, or null. */
export function findDate(bytes: Uint8Array): number | null {
  for (let at = 0; at + 11 <= bytes.length; at += 1) {
    if (!DATE_UTC.every((byte, index) => bytes[at + index] === byte)) continue;
    const nanoseconds = new DataView(bytes.buffer, bytes.byteOffset + at + 3, 8).getBigInt64(0);
    return EPOCH_2001_MS + Number(nanoseconds / 1000n) / 1000;
  }
  return null;
}
