"""Automatic switching by voice.

Ten times a second the director hears how loud every open microphone is (RFC 6464, dBov) and says
who should be shown, or nothing. The rules, in the order in which they hold:

1. A microphone *speaks* when it is louder than `SPEECH_DB` and than its own noise floor by
   `OVER_FLOOR_DB`; it goes on speaking until it has been below for `PAUSE` (people breathe). The
   floor is the quietest moment of the last eight seconds: speech has gaps, the noise of a class
   or a fan has none, and so becomes its own floor.
2. A cough is nobody: a candidate must have spoken for `hold`, its pauses not counted.
3. No shot is shorter than `minimum_shot`; whoever is on air and speaks, in any scene, stays.
4. When somebody speaks over the one who is on air and speaks too, that takes longer
   (`OVERTAKE` times the hold) and must be clearly louder (`LOUDER_DB`): two people in a dispute
   must not make the picture jump.
5. Nobody speaking changes nothing.

Time is an argument, in nanoseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from linkup.show.events import SECOND

SILENCE_DB = -127
SPEECH_DB = -50.0  # quieter is nobody, however quiet the room
OVER_FLOOR_DB = 9.0  # louder than the room by this: the voice starts
STAY_DB = 5.0  # and ends when it falls below this (hysteresis)
LOUD_DB = -30.0  # a voice this loud needs no quiet room: a school class is never quiet
LOUDER_DB = 6.0
OVERTAKE = 3
PAUSE = int(1.2 * SECOND)
NOW = int(0.3 * SECOND)  # who was heard this long ago speaks at this moment

_QUIET_DB = -75.0  # quieter counts as this
_WINDOW = 80  # levels, 8 s: speech has gaps in this time, the noise of a room has none
_LOUDNESS = 0.05  # of the difference, each 100 ms of voice: about two seconds
_LONGEST = SECOND // 5  # a late level does not count for longer


@dataclass
class Voice:
    """What the director knows of one microphone."""

    loudness: float = SPEECH_DB  # of the voice, without its pauses, dBov
    voiced: int = 0  # ns of voice since it began to speak
    last_heard: int = 0  # ns; last time above the threshold
    _last: int | None = None
    _levels: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    @property
    def floor(self) -> float:
        """How loud the room is without the voice: the quietest moment of the last seconds."""
        return min(*self._levels, LOUD_DB - OVER_FLOOR_DB) if self._levels else _QUIET_DB

    def hear(self, level: float, now: int) -> None:
        """Take in one level."""
        level = max(level, _QUIET_DB)
        margin = STAY_DB if self.voiced else OVER_FLOOR_DB
        elapsed = 0 if self._last is None else min(now - self._last, _LONGEST)
        self._last = now
        if level > max(SPEECH_DB, self.floor + margin):
            self.loudness = (
                level if not self.voiced else (self.loudness + (level - self.loudness) * _LOUDNESS)
            )
            self.voiced += elapsed
            self.last_heard = now
        elif now - self.last_heard > PAUSE:
            self.voiced = 0
        self._levels.append(level)


class Director:
    """Says who should be on air. Decides only; whether it may, the switcher knows."""

    def __init__(self, *, minimum_shot_s: float, hold_s: float) -> None:
        self._minimum_shot = int(minimum_shot_s * SECOND)
        self._hold = int(hold_s * SECOND)
        self._voices: dict[str, Voice] = {}

    def hear(
        self,
        levels: Mapping[str, int],
        heard: Collection[str],
        on_air: Collection[str],
        shot_since: int,
        now: int,
    ) -> str | None:
        """Take in the levels of this moment; the site that should now be shown full, or None.

        `heard`: the open microphones; `on_air`: the sites in the picture, on air since
        `shot_since`. Whoever is named is not on air.
        """
        for site in set(self._voices) - set(heard):
            del self._voices[site]
        for site in heard:
            self._voices.setdefault(site, Voice()).hear(levels.get(site, SILENCE_DB), now)
        if now - shot_since < self._minimum_shot:
            return None
        return self._candidate(on_air, now)

    def speaking(self) -> list[str]:
        """Sites whose voice is heard now, the loudest first."""
        speak = [site for site, voice in self._voices.items() if voice.voiced]
        return sorted(speak, key=lambda site: -self._voices[site].loudness)

    def _candidate(self, on_air: Collection[str], now: int) -> str | None:
        on_air_too = [
            self._voices[site].loudness
            for site in on_air
            if site in self._voices and self._voices[site].voiced
        ]
        wait = self._hold * (OVERTAKE if on_air_too else 1)
        for site in self.speaking():
            voice = self._voices[site]
            if site in on_air or now - voice.last_heard > NOW:
                continue
            louder = not on_air_too or voice.loudness > max(on_air_too) + LOUDER_DB
            if voice.voiced >= wait and louder:
                return site
        return None
