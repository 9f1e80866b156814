"""Automatic switching by voice.

Ten times a second the director hears how loud every open microphone is (RFC 6464, dBov) and says
who should be shown, or nothing. The rules, in the order in which they hold:

1. A microphone *speaks* when it is louder than `SPEECH_DB` and than its own noise floor by
   `OVER_FLOOR_DB`; it goes on speaking until it has been below for `PAUSE` (people breathe).
2. A cough is nobody: a candidate must have spoken for `hold`, all in one go.
3. No shot is shorter than `minimum_shot`; whoever is on air and speaks, in any scene, stays.
4. When somebody speaks over the one who is on air and speaks too, that takes longer
   (`OVERTAKE` times the hold) and must be clearly louder (`LOUDER_DB`): two people in a dispute
   must not make the picture jump.
5. Nobody speaking changes nothing.

Time is an argument, in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from linkup.show.events import SECOND

SILENCE_DB = -127
SPEECH_DB = -50.0  # quieter is nobody, however quiet the room
OVER_FLOOR_DB = 9.0  # louder than the room by this: the voice starts
STAY_DB = 5.0  # and ends when it falls below this (hysteresis)
LOUD_DB = -30.0  # a voice this loud needs no quiet room: a school class is never quiet
LOUDER_DB = 6.0
OVERTAKE = 3
PAUSE = int(1.2 * SECOND)

_RISE = 0.01  # of the difference, each 100 ms: the floor follows a louder room in about 10 s,
_RISE_SPEAKING = 0.001  # a voice must not become its own floor, a new fan must in the end
_FALL = 0.2  # and a quieter room within half a second
_SMOOTH = 0.4
_QUIET_DB = -75.0  # quieter counts as this, so that a voice is up again after two samples


@dataclass
class Voice:
    """What the director knows of one microphone."""

    level: float = _QUIET_DB  # smoothed, dBov
    floor: float = -60.0  # of the room, dBov
    speaks_since: int | None = None  # ns
    last_heard: int = 0  # ns; last time above the threshold

    def hear(self, level: int, now: int) -> None:
        """Take in one level."""
        self.level += (max(level, _QUIET_DB) - self.level) * _SMOOTH
        if level > SILENCE_DB:  # silence by DTX says nothing about the room
            rise = _RISE if self.speaks_since is None else _RISE_SPEAKING
            rate = _FALL if level < self.floor else rise
            self.floor += (level - self.floor) * rate
            self.floor = min(self.floor, LOUD_DB - OVER_FLOOR_DB)
        margin = OVER_FLOOR_DB if self.speaks_since is None else STAY_DB
        if self.level > max(SPEECH_DB, self.floor + margin):
            self.last_heard = now
            if self.speaks_since is None:
                self.speaks_since = now
        elif now - self.last_heard > PAUSE:
            self.speaks_since = None

    def spoken(self, now: int) -> int:
        """For how long it has been speaking, ns; 0: it does not."""
        return 0 if self.speaks_since is None else max(1, now - self.speaks_since)


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

    def speaking(self, now: int) -> list[str]:
        """Sites whose voice is heard now, the loudest first."""
        speak = [site for site, voice in self._voices.items() if voice.spoken(now)]
        return sorted(speak, key=lambda site: -self._voices[site].level)

    def _candidate(self, on_air: Collection[str], now: int) -> str | None:
        current = [self._voices[site] for site in on_air if site in self._voices]
        spoken_over = [voice.level for voice in current if voice.spoken(now)]
        for site in self.speaking(now):
            if site in on_air:
                continue
            voice = self._voices[site]
            # Somebody who is only in a pause is not shown: he must be speaking at this moment.
            if now - voice.last_heard > PAUSE // 4:
                continue
            wait = self._hold * (OVERTAKE if spoken_over else 1)
            louder = not spoken_over or voice.level > max(spoken_over) + LOUDER_DB
            if voice.spoken(now) >= wait and louder:
                return site
        return None
