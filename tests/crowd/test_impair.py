"""The bad wire: the same with the same seed, and as bad as asked for."""

from __future__ import annotations

import itertools

import pytest

from linkup.crowd.impair import Profile, Wire

PACKETS = 20_000


def send(profile: Profile, seed: int = 7, count: int = PACKETS, every: float = 0.001) -> Wire:
    wire = Wire(profile, seed)
    wire.out = [(index, at) for index in range(count) for at in wire.send(1000, index * every)]  # type: ignore[attr-defined]
    return wire


@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.3])
def test_loses_the_share_asked_for(loss: float, burst: float) -> None:
    counts = send(Profile(loss=loss, burst=burst)).counts
    assert counts.lost / PACKETS == pytest.approx(loss, rel=0.25, abs=0.0005)
    assert counts.lost + counts.passed == PACKETS


def test_bursts_are_runs() -> None:
    came = {index for index, _ in send(Profile(loss=0.05, burst=5)).out}  # type: ignore[attr-defined]
    runs = [index for index in range(1, PACKETS) if index not in came and index - 1 in came]
    assert (PACKETS - len(came)) / len(runs) == pytest.approx(5, rel=0.2)


def test_same_seed_same_wire() -> None:
    profile = Profile(loss=0.1, delay_ms=20, jitter_ms=30, reorder=0.05, duplicate=0.05)
    assert send(profile).out == send(profile).out  # type: ignore[attr-defined]
    assert send(profile).out != send(profile, seed=8).out  # type: ignore[attr-defined]


def test_delay_and_jitter_keep_the_order() -> None:
    out = send(Profile(delay_ms=50, jitter_ms=20)).out  # type: ignore[attr-defined]
    times = [at for _, at in out]
    assert times == sorted(times)
    delays = [at - index * 0.001 for index, at in out]
    assert min(delays) >= 0.05 and max(delays) <= 0.0701


def test_reorders_and_duplicates() -> None:
    wire = send(Profile(reorder=0.02, duplicate=0.03))
    order = [index for index, at in sorted(wire.out, key=lambda each: each[1])]  # type: ignore[attr-defined]
    overtaken = sum(1 for one, other in itertools.pairwise(order) if other < one)
    assert overtaken > 0.01 * PACKETS
    assert wire.counts.duplicated == pytest.approx(0.03 * PACKETS, rel=0.2)
    assert len(wire.out) == PACKETS + wire.counts.duplicated  # type: ignore[attr-defined]


def test_ceiling_delays_then_drops() -> None:
    # 1,000 bytes each ms are 8 Mbit/s; half of it passes.
    wire = send(Profile(kbps=4000, queue_ms=100))
    assert wire.counts.passed / PACKETS == pytest.approx(0.5, abs=0.02)
    assert max(at - index * 0.001 for index, at in wire.out) <= 0.1001  # type: ignore[attr-defined]


def test_gap_swallows_everything() -> None:
    came = [index for index, _ in send(Profile(gaps=((2.0, 0.5),))).out]  # type: ignore[attr-defined]
    assert [index for index in range(1990, 2510) if index not in came] == list(range(2000, 2500))


def test_clean_says_so() -> None:
    assert Profile().clean and Profile(queue_ms=5).clean and not Profile(loss=0.1).clean
