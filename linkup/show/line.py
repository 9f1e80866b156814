"""How good a site's line is, in words.

Judged by what people notice: lost packets, jitter and freezes; never by bit rate, which is low
when nothing moves (lights that judge by it cry wolf). One bad second says nothing: worse needs
`WORSE_AFTER` seconds in a row, better needs `BETTER_AFTER`; only a dead line is told at once.
One sample a second.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Quality = Literal["good", "fair", "poor", "lost"]
ORDER: tuple[Quality, ...] = ("good", "fair", "poor", "lost")

WORSE_AFTER = 2
BETTER_AFTER = 5
FREEZE_WINDOW = 10  # seconds over which freezes count

# At most this for the word: share lost (after retransmission), jitter in ms, freezes in 10 s.
# Opus and VP8 with retransmission ride over 1 %; from 5 % on pictures break visibly.
LIMITS: tuple[tuple[Quality, float, float, int], ...] = (
    ("good", 0.01, 40.0, 0),
    ("fair", 0.05, 120.0, 2),
)

TEXTS: dict[Quality, dict[str, str]] = {
    "good": {"zh": "线路良好", "en": "The line is good"},
    "fair": {"zh": "线路一般，画面偶有停顿", "en": "The line is fair, the picture may stutter"},
    "poor": {"zh": "线路较差，请靠近路由器或改用网线",
             "en": "The line is poor: move closer to the router or use a cable"},
    "lost": {"zh": "线路中断，正在重新连接", "en": "The line is cut, reconnecting"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a line, the worse of both directions."""

    loss: float = 0.0  # 0…1
    jitter_ms: float = 0.0
    freezes: int = 0  # new ones in this second
    alive: bool = True


@dataclass
class Line:
    """The judgement of one site's line."""

    quality: Quality = "lost"
    _freezes: deque[int] = field(default_factory=lambda: deque(maxlen=FREEZE_WINDOW))
    _run: int = 0  # seconds in a row that speak for another word
    _worst: int = 0  # the best word that this run supports, as its place in ORDER

    def judge(self, sample: Sample) -> Quality:
        """Take in one second."""
        now = self._word(sample)
        if now == "lost" or self.quality == "lost":
            # Dead is told at once, and so is a line that came (back) to life.
            self.quality, self._run = now, 0
            if now == "lost":
                self._freezes.clear()
            return self.quality
        self._turn(ORDER.index(now))
        return self.quality

    def text(self) -> dict[str, str]:
        """The sentence for the site's people."""
        return TEXTS[self.quality]

    def _turn(self, now: int) -> None:
        current = ORDER.index(self.quality)
        if now == current:
            self._run = 0
            return
        worse = now > current
        same_way = self._run and (self._run > 0) == worse
        if not same_way:
            self._run, self._worst = 0, now
        self._run += 1 if worse else -1
        # Go only as far as every second of the run supports.
        self._worst = min(self._worst, now) if worse else max(self._worst, now)
        if self._run >= WORSE_AFTER or -self._run >= BETTER_AFTER:
            self.quality, self._run = ORDER[self._worst], 0

    def _word(self, sample: Sample) -> Quality:
        if not sample.alive:
            return "lost"
        self._freezes.append(sample.freezes)
        freezes = sum(self._freezes)
        for word, loss, jitter, most in LIMITS:
            if sample.loss <= loss and sample.jitter_ms <= jitter and freezes <= most:
                return word
        return "poor"
