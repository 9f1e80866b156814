from __future__ import annotations

import pytest

from linkup.program.ladder import state

S = 1_000_000_000


@pytest.mark.parametrize(
    ("now", "frame_at", "packet_at", "watched_since", "expected"),
    [
        (100, 99.9, 100, 0, "live"),
        (100, 99.6, 100, 0, "live"),
        (100, 99.5, 99.5, 0, "held"),
        (100, 98.1, 98.1, 0, "held"),
        (100, 98.0, 98.0, 0, "card"),
        (100, 50.0, 100, 0, "card"),  # the voice goes on
        (100, 90.1, 90.1, 0, "card"),
        (100, 90.0, 90.0, 0, "gone"),
        (100, None, 100, 0, "card"),  # sound only
        (100, None, 0, 95, "card"),  # nothing yet, but it was not asked for before
        (100, None, 0, 90, "gone"),
        (100, 50.0, 50, 99, "card"),  # back on preview after a while: give it time
    ],
)
def test_the_ladder(
    now: float, frame_at: float | None, packet_at: float, watched_since: float, expected: str
) -> None:
    frame = None if frame_at is None else int(frame_at * S)
    found = state(int(now * S), frame, int(packet_at * S), int(watched_since * S))
    assert found == expected
