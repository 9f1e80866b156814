"""Automatic switching by voice, a thousand times faster than real time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import given, settings

from linkup.show.director import Director
from linkup.show.events import SECOND

TICK = SECOND // 10
QUIET, TALK = -62, -32
Sound = Callable[[float], dict[str, int]]  # seconds → levels


class Room:
    """A director with its switcher's part played: what it names goes on air at once."""

    def __init__(self, on_air: str = "hall", minimum_shot_s: float = 4, hold_s: float = 0.8):
        self.director = Director(minimum_shot_s=minimum_shot_s, hold_s=hold_s)
        self.on_air, self.since, self.now = on_air, -100 * SECOND, 0
        self.cuts: list[tuple[float, str]] = []

    def run(self, seconds: float, sound: Sound) -> list[tuple[float, str]]:
        """The cuts of this time, in seconds since the beginning."""
        first = len(self.cuts)
        for _ in range(round(seconds * 10)):
            self.now += TICK
            levels = sound(self.now / SECOND)
            named = self.director.hear(levels, list(levels), [self.on_air], self.since, self.now)
            if named is not None:
                assert named != self.on_air
                self.on_air, self.since = named, self.now
                self.cuts.append((self.now / SECOND, named))
        return self.cuts[first:]


def talk(*speakers: str, level: int = TALK, room: int = QUIET, seed: int = 1) -> Sound:
    """Speech as it is: syllables, short pauses, and everybody else's quiet room."""
    dice = random.Random(seed)

    def sound(at: float) -> dict[str, int]:
        levels = {}
        for site in ("hall", "school", "tax"):
            noise = dice.randint(-3, 3)
            speaking = site in speakers and at % 3 < 2.6 and dice.random() < 0.85
            levels[site] = (level if speaking else room) + noise
        return levels

    return sound


def test_the_speaker_is_shown_after_the_hold() -> None:
    room = Room()
    assert room.run(3, talk()) == []
    cuts = room.run(5, talk("school"))
    assert [site for _, site in cuts] == ["school"]
    assert 3.75 < cuts[0][0] < 4.6


def test_a_cough_is_nobody() -> None:
    room = Room()
    room.run(3, talk())
    room.run(0.4, lambda at: {"hall": QUIET, "school": -15, "tax": QUIET})
    assert room.run(3, talk()) == []


def test_no_shot_is_shorter_than_the_minimum() -> None:
    room = Room(minimum_shot_s=4)
    room.run(3, talk())
    for number in range(10):
        room.run(2, talk("school" if number % 2 else "tax"))
    times = [at for at, _ in room.cuts]
    assert len(times) >= 3
    assert all(later - earlier >= 4 for earlier, later in itertools.pairwise(times))


def test_pauses_of_breath_do_not_switch() -> None:
    room = Room("school")
    assert room.run(60, talk("school")) == []


def test_a_dispute_does_not_make_the_picture_jump() -> None:
    room = Room("school")
    room.run(10, talk("school"))
    assert room.run(20, talk("school", "tax")) == []  # equally loud: who is on air stays
    cuts = room.run(10, talk("tax"))
    assert [site for _, site in cuts] == ["tax"]


def test_somebody_clearly_louder_overtakes_later() -> None:
    room = Room("school")
    room.run(5, talk("school", level=-42))
    soft, loud = talk("school", level=-44), talk("tax", level=-26, seed=2)

    def both(at: float) -> dict[str, int]:
        return {**soft(at), "tax": loud(at)["tax"]}

    cuts = room.run(10, both)
    assert [site for _, site in cuts] == ["tax"]
    assert cuts[0][0] - 5 >= 2.4  # three times the hold


def test_a_noisy_room_is_no_speech() -> None:
    """A school class at -45 dBov all the time is its floor, not a voice."""
    room = Room()

    def noisy(at: float) -> dict[str, int]:
        return {**talk()(at), "school": -45 + int(at * 10) % 4}

    # It may be taken for a voice when it begins, once, and then no more.
    room.run(60, noisy)
    room.on_air = "hall"
    assert room.run(60, noisy) == []
    # A teacher over the class is heard all the same.
    teacher = talk("school", level=-24, room=-44)
    assert [site for _, site in room.run(6, teacher)] == ["school"]


def test_nobody_speaking_and_closed_microphones_change_nothing() -> None:
    room = Room("school")
    assert room.run(30, talk()) == []
    # The tax office speaks, but its microphone is closed.
    talks = talk("tax")
    assert room.run(10, lambda at: {"hall": talks(at)["hall"]}) == []


def test_silence_by_dtx_is_silence() -> None:
    room = Room()
    assert room.run(20, lambda at: {"hall": -127, "school": -127}) == []
    levels: Sound = lambda at: {"hall": -127, "school": -30 if at % 2 < 1.7 else -127}  # noqa: E731
    assert [site for _, site in room.run(5, levels)] == ["school"]


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["hall", "school", "tax"]), st.integers(-127, 0)),
        min_size=10,
        max_size=200,
    )
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_whatever_is_heard_shots_keep_their_length(heard: list[dict[str, int]]) -> None:
    room = Room(minimum_shot_s=2, hold_s=0.3)
    sounds = iter(heard)
    room.run(len(heard) / 10, lambda at: next(sounds))
    times = [at for at, _ in room.cuts]
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(times))
