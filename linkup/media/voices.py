"""Who is heard: the loudest open microphones, with hysteresis (RFC 6464 levels).

One more than a receiver has slots is chosen, so that nobody who speaks takes a slot of his own.
While no more microphones are open than that, all are heard and nothing ever changes.
"""

from __future__ import annotations

CHOSEN = 4  # three slots and oneself
MARGIN_DB = 6.0  # a challenger must be this much louder than the quietest …
PATIENCE = 3  # … for this many updates (0.3 s)
SILENT_DBOV = -60.0  # a chosen one below this gives way at once
UNKNOWN_DBOV = -50.0  # sound whose sender tells no levels
FALL_DB = 3.0  # a level falls by at most this much an update: pauses between words


class Loudest:
    """Call `update` ten times a second; `chosen` is the result, longest chosen first."""

    def __init__(self, size: int = CHOSEN) -> None:
        self.size = size
        self.chosen: list[str] = []
        self._levels: dict[str, float] = {}
        self._patience: dict[str, int] = {}

    def update(self, levels: dict[str, int | None]) -> list[str]:
        """`levels`: dBov of every open microphone that sends; None where its level is unknown."""
        self._levels = {
            feed: max(
                UNKNOWN_DBOV if level is None else float(level),
                self._levels.get(feed, -127.0) - FALL_DB,
            )
            for feed, level in levels.items()
        }
        self.chosen = [feed for feed in self.chosen if feed in self._levels]
        others = sorted(
            (feed for feed in self._levels if feed not in self.chosen),
            key=lambda feed: -self._levels[feed],
        )
        while others and len(self.chosen) < self.size:
            self.chosen.append(others.pop(0))
        self._challenge(others)
        return self.chosen

    def _challenge(self, others: list[str]) -> None:
        patience: dict[str, int] = {}
        for feed in others:
            quietest = min(self.chosen, key=lambda each: self._levels[each])
            ahead = self._levels[feed] - self._levels[quietest]
            if ahead < MARGIN_DB:
                break  # the rest is quieter still
            waited = self._patience.get(feed, 0) + 1
            if waited >= PATIENCE or self._levels[quietest] < SILENT_DBOV:
                self.chosen.remove(quietest)
                self.chosen.append(feed)
            else:
                patience[feed] = waited
        self._patience = patience


def assign(slots: list[str | None], chosen: list[str], own: str | None) -> list[str | None]:
    """The new content of a receiver's audio slots: who stays keeps his slot, others fill gaps."""
    wanted = [feed for feed in chosen if feed != own][: len(slots)]
    out: list[str | None] = [feed if feed in wanted else None for feed in slots]
    coming = [feed for feed in wanted if feed not in out]
    for index, feed in enumerate(out):
        if feed is None and coming:
            out[index] = coming.pop(0)
    return out
