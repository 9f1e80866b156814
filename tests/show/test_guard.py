"""What is shown when a source fails on air."""

from __future__ import annotations

import pytest

from linkup.show.events import Shot, SiteReturned, SourceMoved
from linkup.show.guard import PATIENCE, Fallback, Guard

HALLS = ["hall", "hall-2"]
ALL = ["hall", "hall-2", "school", "tax", "studio"]
OLD = PATIENCE  # a shot that has been on air for long


def shot(*sites: str, layout: str = "full") -> Shot:
    return Shot(layout=layout, sites=sites)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("on_air", "gone", "living", "expected"),
    [
        (shot("school"), [], ALL, None),
        (shot("school"), ["school"], ["hall"], Fallback(shot("hall"))),
        (shot("school"), ["school"], ["hall-2", "tax"], Fallback(shot("hall-2"))),
        (shot("school"), ["school"], ["tax"], Fallback(None)),
        (shot("hall"), ["hall"], ["hall-2"], Fallback(shot("hall-2"))),
        (shot("hall"), ["hall"], [], Fallback(None)),
        # It is back in the meantime: program has not decoded it yet.
        (shot("school"), ["school"], ["school", "hall"], None),
        # The others in the same picture stay.
        (shot("hall", "tax", layout="side"), ["tax"], ["hall"], Fallback(shot("hall"))),
        (shot("hall", "tax", layout="pip"), ["hall"], ["tax"], Fallback(shot("tax"))),
        (
            shot("hall", "tax", "school", "studio", layout="four"),
            ["tax"],
            ["hall", "school", "studio"],
            Fallback(shot("hall", "school", "studio", layout="four")),
        ),
        (
            shot("hall", "tax", layout="side"),
            ["hall", "tax"],
            ["hall-2"],
            Fallback(shot("hall-2")),
        ),
    ],
)
def test_the_ladder(
    on_air: Shot, gone: list[str], living: list[str], expected: Fallback | None
) -> None:
    guard = Guard()
    for site in gone:
        assert guard.source_moved(site, "gone") == [SourceMoved(site, "gone")]
    assert guard.decide(on_air, HALLS, living, ALL, OLD) == expected


@pytest.mark.parametrize("state", ["live", "held", "card"])
def test_program_climbs_the_first_steps_itself(state: str) -> None:
    guard = Guard()
    guard.source_moved("school", state)  # type: ignore[arg-type]
    assert guard.decide(shot("school"), HALLS, ["hall"], ALL, OLD) is None


def test_who_was_never_there_does_not_fail() -> None:
    guard = Guard()
    guard.source_moved("hall", "gone")
    assert guard.decide(shot("hall"), HALLS, [], [], OLD) is None


def test_who_is_put_on_air_while_away_gets_time() -> None:
    guard = Guard()
    guard.source_moved("school", "gone")
    assert guard.decide(shot("school"), HALLS, ["hall"], ALL, PATIENCE - 1) is None
    assert guard.decide(shot("school"), HALLS, ["hall"], ALL, PATIENCE) is not None


def test_the_return_is_offered_once_and_never_forced() -> None:
    guard = Guard()
    guard.source_moved("school", "gone")
    guard.decide(shot("school"), HALLS, ["hall"], ALL, OLD)
    guard.settled(shot("hall"), slate=False)
    assert guard.look_for_returns(["hall"]) == []
    assert guard.look_for_returns(["hall", "school"]) == [SiteReturned("school", shot("school"))]
    assert guard.look_for_returns(["hall", "school"]) == []
    assert guard.offers() == ["school"]
    guard.settled(shot("school"), slate=True)  # behind the slate nothing is shown
    assert guard.offers() == ["school"]
    guard.settled(shot("school"), slate=False)
    assert guard.offers() == []


def test_the_same_state_again_is_no_event() -> None:
    guard = Guard()
    assert guard.source_moved("tax", "held") == [SourceMoved("tax", "held")]
    assert guard.source_moved("tax", "held") == []
    guard.forget()
    assert guard.sources == {}
