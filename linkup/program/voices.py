"""The sound of one feed: from packets in any order to an even stream on the program's clock.

Packets wait, undecoded, by their RTP time until their samples are due; that is the jitter buffer.
What is not there when it is due is recovered from the next packet's FEC, or concealed for up to
`CONCEALED` samples, then silence. The two clocks are never equal: once the stream is off its place
by more than 3 ms it is played up to 1 % faster or slower until it is there; further off than 100 ms
it jumps.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from linkup.program import opus
from linkup.program.opus import RATE, Sound
from linkup.program.timeline import Timeline
from linkup.wire.opus import duration

BLOCK = 960  # samples: 20 ms, the program's grain of sound
CAPACITY = 150  # packets waiting: 3 s of 20 ms
CONCEALED = 4 * BLOCK
TOLERATED = RATE * 3 // 1000
EXACT = RATE // 2000
JUMPS = RATE // 10
FASTEST = BLOCK // 100  # samples a block
_FADE = np.linspace(0, 1, 240, dtype=np.float32)[:, None]  # 5 ms, into silence


class Voice:
    """One microphone. `put` is called by one thread, everything else by another."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._inbox: deque[tuple[int, bytes]] = deque(maxlen=CAPACITY)
        self._waiting: dict[int, bytes] = {}
        self._decoder = opus.decoder()
        self._pcm: Sound = np.zeros((0, opus.CHANNELS), np.float32)
        self._cursor: int | None = None  # RTP time of the first sample of `_pcm`
        self._concealed = 0
        self._correcting = False
        self._skip = 0  # samples of the next packet that come before its moment
        self.lost = 0  # samples concealed
        self.late = 0  # packets that came too late
        self.jumps = 0

    def put(self, rtp: int, payload: bytes) -> None:
        """A packet with its unwrapped RTP time."""
        self._inbox.append((rtp, payload))

    def block(self, at: int) -> Sound | None:
        """The 960 samples due from `at` (ns) on; None is silence."""
        self._take_in()
        place = self._timeline.position("audio", at)
        if place is None:
            return None
        wanted = round(place)
        if self._cursor is None and not self._begin(wanted):
            return None
        taken = BLOCK + self._correction(wanted)
        if self._cursor is None:  # it jumped to where nothing is
            return None
        taken += self._skip
        while len(self._pcm) < taken:
            if not self._decode_next():
                break
        if self._skip:
            skipped = min(self._skip, len(self._pcm))
            self._pcm = self._pcm[skipped:]
            self._cursor += skipped
            taken -= self._skip
            self._skip = 0
        return self._cut(taken)

    def _take_in(self) -> None:
        while self._inbox:
            rtp, payload = self._inbox.popleft()
            if self._cursor is not None and rtp < self._end:
                self.late += 1
                continue
            self._waiting[rtp] = payload
        while len(self._waiting) > CAPACITY:
            del self._waiting[min(self._waiting)]

    @property
    def _end(self) -> int:
        """RTP time behind the last decoded sample."""
        assert self._cursor is not None
        return self._cursor + len(self._pcm)

    def _begin(self, wanted: int) -> bool:
        """Start, or start again after silence, with the packet that is due."""
        for rtp, payload in list(self._waiting.items()):
            if rtp + duration(payload) <= wanted:
                del self._waiting[rtp]
        if not self._waiting:
            return False
        first = min(self._waiting)
        if first >= wanted + BLOCK:
            return False
        self._concealed = 0
        if first >= wanted:
            self._pcm = np.zeros((first - wanted, opus.CHANNELS), np.float32)
            self._cursor = wanted
        else:
            self._pcm = self._pcm[:0]
            self._cursor = first
            self._skip = wanted - first
        return True

    def _correction(self, wanted: int) -> int:
        """How many samples more than a block to consume now."""
        assert self._cursor is not None
        error = wanted - self._cursor
        if self._skip:
            return 0
        if abs(error) <= (EXACT if self._correcting else TOLERATED):
            self._correcting = False
            return 0
        if abs(error) < JUMPS:
            self._correcting = True
            return max(-FASTEST, min(FASTEST, error // 32 or (1 if error > 0 else -1)))
        self.jumps += 1
        if -RATE < error < 0:  # the delay has grown: wait
            pause = np.zeros((-error, opus.CHANNELS), np.float32)
            self._pcm = np.concatenate((pause, self._pcm))
            self._cursor = wanted
        else:
            self._cursor = None
            self._begin(wanted)
        return 0

    def _decode_next(self) -> bool:
        """Decode, recover or conceal one packet behind `_end`; False when there is nothing."""
        end = self._end
        payload = self._waiting.pop(end, None)
        if payload is None and self._waiting:
            nearest = min(self._waiting)
            if nearest < end:  # overlaps what was concealed meanwhile
                del self._waiting[nearest]
                self.late += 1
                return True
            return self._bridge(nearest)
        if payload is None:
            return self._bridge(None)
        sound = self._decoder.decode(payload)
        if sound is None:  # not Opus: as if lost
            return self._bridge(None)
        self._concealed = 0
        self._append(sound)
        return True

    def _bridge(self, nearest: int | None) -> bool:
        """Fill the hole up to RTP time `nearest`, or for one packet while nothing has come."""
        gap = BLOCK if nearest is None else nearest - self._end
        if self._concealed >= CONCEALED or gap > RATE:
            return False
        samples = max(120, min(gap, BLOCK) // 120 * 120)  # libopus works in steps of 2.5 ms
        sound = None
        if nearest is not None and gap == duration(self._waiting[nearest]):
            sound = self._decoder.recover(self._waiting[nearest], gap)
        if sound is None:
            sound = self._decoder.conceal(samples)
            left = 1 - self._concealed / CONCEALED
            sound *= np.linspace(left, max(0.0, left - 0.25), len(sound), dtype=np.float32)[:, None]
            self._concealed += len(sound)
        self.lost += len(sound)
        self._append(sound)
        return True

    def _append(self, sound: Sound) -> None:
        self._pcm = sound if not len(self._pcm) else np.concatenate((self._pcm, sound))

    def _cut(self, taken: int) -> Sound | None:
        assert self._cursor is not None
        sound = self._pcm[:taken]
        self._pcm = self._pcm[taken:]
        self._cursor += taken
        if len(sound) < taken:  # ran dry: fade into silence, begin again with the next packet
            self._cursor = None
            if not len(sound):
                return None
            out = np.zeros((BLOCK, opus.CHANNELS), np.float32)
            kept = min(len(sound), BLOCK)
            out[:kept] = sound[:kept]
            tail = min(kept, len(_FADE))
            out[kept - tail : kept] *= _FADE[::-1][-tail:]
            return out
        if taken == BLOCK:
            return sound
        places = np.linspace(0, taken - 1, BLOCK)
        grid = np.arange(taken)
        return np.stack(
            [np.interp(places, grid, sound[:, each]) for each in range(opus.CHANNELS)], axis=1
        ).astype(np.float32)
