"""The program's sound: voices added up, gains that never click, a limiter, a level.

48 kHz stereo in blocks of 20 ms. Nothing is normalised: what the sites send is what is heard, and
only their sum is held below -1 dBFS by a limiter that looks 5 ms ahead.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from linkup.program.opus import CHANNELS, RATE, Sound
from linkup.program.voices import BLOCK

STEP = RATE // 1000  # the limiter decides once a millisecond
AHEAD = 5  # steps
LOOK_AHEAD_NS = AHEAD * 1_000_000
CEILING = 10 ** (-1 / 20)
RELEASE = math.exp(-1 / 80)  # back to full gain with a time constant of 80 ms
FADE = RATE // 100  # samples: 10 ms
SILENCE_DBOV = -127


class Gain:
    """A microphone's gain: 0 or 1, with a straight ramp of 10 ms between."""

    def __init__(self) -> None:
        self.value = 0.0

    def apply(self, sound: Sound, is_open: bool) -> Sound:
        """The sound with the gain that leads to open or closed."""
        target = 1.0 if is_open else 0.0
        if self.value == target:
            return sound if is_open else np.zeros_like(sound)
        ramp = np.arange(1, len(sound) + 1, dtype=np.float32) / FADE
        if is_open:
            curve = np.minimum(1.0, self.value + ramp)
        else:
            curve = np.maximum(0.0, self.value - ramp)
        self.value = float(curve[-1])
        return sound * curve[:, None].astype(np.float32)

    def skip(self, is_open: bool) -> None:
        """A block without sound: nothing to ramp."""
        self.value = 1.0 if is_open else 0.0


class Limiter:
    """Look-ahead peak limiter; its output is `LOOK_AHEAD_NS` later than its input.

    For each millisecond the gain that its peak needs is known; the gain at each boundary is the
    least of those needed in the millisecond before it and in the five after it, rising only with
    the release. Between boundaries it is a straight line, so no sample gets more than it may.
    """

    def __init__(self) -> None:
        self._held = np.zeros((AHEAD * STEP, CHANNELS), np.float32)
        self._needs = np.ones(AHEAD + 1)  # of the step just played and the held ones
        self._gain = 1.0

    def process(self, block: Sound) -> Sound:
        """A block of whole milliseconds in, one of the same length out."""
        steps = len(block) // STEP
        peaks = np.abs(block).reshape(steps, -1).max(axis=1)
        fresh = np.minimum(1.0, CEILING / np.maximum(peaks, CEILING))
        needs = np.concatenate((self._needs, fresh))
        joined = np.concatenate((self._held, block))
        out, self._held = joined[: len(block)], joined[len(block) :].copy()
        self._needs = needs[steps:]
        if self._gain == 1.0 and needs.min() == 1.0:
            return out
        bounds = [self._gain]
        for index in range(steps):
            # The end of output step i lies between needs[i + 1], just played, and those ahead.
            least = float(needs[index + 1 : index + AHEAD + 2].min())
            free = 1.0 - (1.0 - bounds[-1]) * RELEASE
            bounds.append(min(least, free if free < 0.9999 else 1.0))
        self._gain = bounds[-1]
        places = np.arange(1, len(block) + 1) / STEP
        curve = np.interp(places, np.arange(steps + 1), bounds).astype(np.float32)
        return out * curve[:, None]


class Mixer:
    """Adds up what is open and measures it."""

    def __init__(self) -> None:
        self._limiter = Limiter()
        self._squares: deque[float] = deque(maxlen=50)  # mean square of each block of a second

    def mix(self, sounds: list[Sound]) -> Sound:
        """One block of the program from the blocks of the open microphones."""
        total = np.zeros((BLOCK, CHANNELS), np.float32)
        for sound in sounds:
            total += sound
        out = self._limiter.process(total)
        self._squares.append(float(np.mean(np.square(out))))
        return out

    @property
    def level(self) -> int:
        """RMS of the last second in dBov: -127 (silence) … 0."""
        mean = sum(self._squares) / len(self._squares) if self._squares else 0.0
        if mean <= 10 ** (SILENCE_DBOV / 10):
            return SILENCE_DBOV
        return min(0, round(10 * math.log10(mean)))
