"""Sound and picture stay together for hours, whatever the clocks and the network do."""

from __future__ import annotations

import random

import pytest

from linkup.record.timeline import SECOND, Offset, TrackTime

MS = 1_000_000


def ntp(ns: int) -> int:
    return (ns // SECOND << 32) | ((ns % SECOND << 32) // SECOND)


class Publisher:
    """Two tracks of one publisher whose clock is off by `skew` (s/s)."""

    def __init__(self, skew: float = 0.0, seed: int = 1) -> None:
        shared = Offset()
        self.skew = skew
        self.video = TrackTime(90_000, shared)
        self.audio = TrackTime(48_000, shared)
        self.chance = random.Random(seed)
        self.zero = {"video": 2**32 - 5000, "audio": 777}

    def arrive(self, kind: str, made_ns: int, delay_ms: float) -> int:
        """The time that a packet made at `made_ns` (our clock) is given."""
        track = self.video if kind == "video" else self.audio
        rate = 90_000 if kind == "video" else 48_000
        theirs = made_ns * (1 + self.skew)
        stamp = (self.zero[kind] + round(theirs * rate / SECOND)) % 2**32
        return track.time(stamp, made_ns + round(delay_ms * MS))

    def report(self, kind: str, made_ns: int) -> None:
        track = self.video if kind == "video" else self.audio
        rate = 90_000 if kind == "video" else 48_000
        theirs = round(made_ns * (1 + self.skew))
        stamp = (self.zero[kind] + round(theirs * rate / SECOND)) % 2**32
        track.report(ntp(10**18 + theirs), stamp)


@pytest.mark.parametrize("skew", [0.0, 100e-6, -100e-6])
def test_three_hours_without_drift_and_in_sync(skew: float) -> None:
    source = Publisher(skew)
    delay = source.chance
    last = {"video": 0, "audio": 0}
    for step in range(3 * 3600 * 4):  # four looks a second
        made = 50 * SECOND + step * SECOND // 4
        times = {}
        for kind, base in (("video", 120), ("audio", 20)):  # pictures take a longer way
            times[kind] = source.arrive(kind, made, base + delay.random() * 60)
            if step % 20 == 4:
                source.report(kind, made)
            assert times[kind] > last[kind]
            last[kind] = times[kind]
        if step > 40:
            assert abs(times["video"] - times["audio"]) < 1 * MS
            assert -5 * MS < times["audio"] - made < 60 * MS


def test_before_the_first_report_arrivals_lead() -> None:
    source = Publisher()
    for step in range(8):
        made = SECOND + step * SECOND // 20
        assert abs(source.arrive("video", made, 30) - made - 30 * MS) < 1 * MS


def test_a_slow_first_packet_is_forgotten_quickly() -> None:
    source = Publisher()
    source.arrive("audio", SECOND, 400)
    assert abs(source.arrive("audio", SECOND + 20 * MS, 20) - SECOND - 40 * MS) < 1 * MS


def test_reports_that_are_nonsense_are_not_believed() -> None:
    source = Publisher()
    source.arrive("video", SECOND, 20)
    source.arrive("audio", SECOND, 20)
    source.report("audio", SECOND)
    source.video.report(ntp(5), 12345)  # some senders invent their NTP time
    source.video.report(0, 1)
    for step in range(40):
        made = SECOND + step * SECOND // 20
        video = source.arrive("video", made, 20)
        audio = source.arrive("audio", made, 20)
        assert abs(video - audio) < 40 * MS


@pytest.mark.parametrize("after", [500, -500])
def test_a_clock_that_is_set_is_followed(after: int) -> None:
    offset = Offset()
    for step in range(100):
        offset.update(5 * SECOND, step * SECOND // 10)
    for step in range(100, 115):
        offset.update(after * SECOND, step * SECOND // 10)
    assert offset.value == after * SECOND


def test_a_network_that_stalls_moves_nothing() -> None:
    offset = Offset()
    for step in range(100):
        offset.update(5 * SECOND, step * SECOND // 10)
    now = 10 * SECOND
    for late in range(6000, 0, -100):  # six seconds stalled, then everything at once
        assert offset.update(5 * SECOND + late * MS, now) == 5 * SECOND
    assert offset.update(5 * SECOND, now + SECOND // 10) == 5 * SECOND
