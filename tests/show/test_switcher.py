"""Preview, program, undo, slate, and who decides."""

from __future__ import annotations

from typing import get_args

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from linkup.errors import ConflictError, LinkupError, UserError
from linkup.messages import Strip
from linkup.show import switcher as module
from linkup.show.events import SECOND, Shot, SlateChanged, StripChanged, Taken, Undone
from linkup.show.scene import LAYOUTS, capacity
from linkup.show.switcher import CONTROL, SLATE, Switcher

SITES = ("hall", "school", "tax", "studio", "abroad")
WANG = Strip(name="Wang Fang", title="Teacher")


@pytest.fixture
def desk() -> Switcher:
    return Switcher(SITES, Shot(sites=("hall",)), automatic=False, now=0)


def take(desk: Switcher, *sites: str, now: int = SECOND, layout: str = "full") -> None:
    desk.prepare(layout=layout, sites=sites)  # type: ignore[arg-type]
    desk.take("cut", "anna", now)


def test_the_tables_are_complete() -> None:
    controls, slates = get_args(module.Control), get_args(module.SlateState)
    assert set(CONTROL) == {(a, b) for a in controls for b in ("on", "off", "hand")}
    assert set(SLATE) == {(a, b) for a in slates for b in ("cover", "uncover", "fail", "take")}


def test_take_swaps_and_the_way_back_is_one_key(desk: Switcher) -> None:
    desk.prepare(sites=["school"], strip=WANG)
    assert desk.tally()["school"] == "next"
    shot = Shot(sites=("school",), strip=WANG)
    assert desk.take("mix", "anna", SECOND) == [Taken(2, shot, "mix", False, "hand")]
    assert (desk.on_air, desk.by, desk.since, desk.mixed) == (shot, "anna", SECOND, True)
    assert desk.preview == Shot(sites=("hall",))
    desk.take("cut", "anna", 2 * SECOND)
    assert desk.on_air == Shot(sites=("hall",)) and not desk.mixed


def test_a_second_press_is_refused(desk: Switcher) -> None:
    desk.prepare(sites=["school"])
    desk.take("cut", "anna", SECOND)
    with pytest.raises(ConflictError, match="press once"):
        desk.take("cut", "bo", SECOND + SECOND // 3)  # the other desk, at the same moment
    assert desk.on_air.sites == ("school",)
    desk.prepare(sites=["tax"])  # who prepares something else means it
    desk.take("cut", "bo", SECOND + SECOND // 2)
    assert desk.on_air.sites == ("tax",)


def test_refusals(desk: Switcher) -> None:
    cases: list[tuple[str, type[LinkupError], object]] = [
        ("preview-empty", ConflictError, lambda: desk.take("cut", "a", 1)),
        ("nothing-to-undo", ConflictError, lambda: desk.undo("a", 1)),
        ("no-such-site", UserError, lambda: desk.prepare(sites=["nobody"])),
        ("site-twice", UserError, lambda: desk.prepare(layout="side", sites=["tax", "tax"])),
        ("too-many-sites", UserError, lambda: desk.prepare(sites=["tax", "hall"])),
    ]
    before = desk.keep()
    for code, kind, act in cases:
        with pytest.raises(kind) as caught:
            act()  # type: ignore[operator]
        assert caught.value.code == code
        assert desk.keep() == before
    desk.prepare(sites=["hall"])
    with pytest.raises(ConflictError, match="on air already"):
        desk.take("cut", "a", 1)


def test_nobody_goes_on_air_under_anothers_name(desk: Switcher) -> None:
    desk.prepare(sites=["school"], strip=WANG)
    desk.prepare(sites=["school"])
    assert desk.preview.strip == WANG
    desk.prepare(sites=["tax"])
    assert desk.preview.strip is None


def test_empty_places_are_filled(desk: Switcher) -> None:
    desk.prepare(sites=["school"])
    desk.prepare(layout="side", fill=["hall", "school", "tax"])
    assert desk.preview == Shot(layout="side", sites=("school", "hall"))
    desk.prepare(layout="four", fill=["hall", "nobody", "tax"])
    assert desk.preview.sites == ("school", "hall", "tax")
    desk.prepare(layout="full")
    assert desk.preview.sites == ("school",)


def test_undo_goes_back_step_by_step(desk: Switcher) -> None:
    take(desk, "school", now=1 * SECOND)
    take(desk, "tax", now=2 * SECOND)
    assert desk.undo("bo", 3 * SECOND) == [Undone(4, Shot(sites=("school",)))]
    assert desk.preview == Shot(sites=("tax",))  # and take goes forward again
    desk.undo("bo", 4 * SECOND)
    assert desk.on_air.sites == ("hall",)
    assert not desk.history


def test_undo_is_not_endless(desk: Switcher) -> None:
    for number in range(100):
        take(desk, SITES[1 + number % 2], now=(1 + number) * SECOND)
    assert len(desk.history) == module.UNDO_DEPTH


def test_slate(desk: Switcher) -> None:
    assert desk.cover(True, "anna", 1) == [SlateChanged(True, 2, "hand")]
    assert set(desk.tally().values()) == {"off"}  # nobody is on air behind it
    assert desk.cover(True, "bo", 2) == []
    take(desk, "school", now=SECOND)  # what is taken is seen
    assert desk.slate == "off" and desk.tally()["school"] == "air"
    desk.undo("anna", 2 * SECOND)  # the slate was there before
    assert desk.slate == "operator" and desk.on_air.sites == ("hall",)
    assert desk.cover(False, "anna", 3) == [SlateChanged(False, desk.take_number, "hand")]


def test_strip_on_air(desk: Switcher) -> None:
    take(desk, "school")
    assert desk.write(WANG, "bo", 5 * SECOND) == [StripChanged(WANG, 3)]
    assert desk.on_air == Shot(sites=("school",), strip=WANG)
    assert (desk.by, desk.since) == ("anna", SECOND)  # the shot is still hers
    assert desk.write(WANG, "bo", 6 * SECOND) == []


def test_a_hand_overrules_the_voice(desk: Switcher) -> None:
    assert not desk.voice_decides
    desk.automate(True)
    assert desk.voice_decides
    desk.prepare(sites=["tax"])
    assert desk.follow_voice("school", SECOND) == [
        Taken(2, Shot(sites=("school",)), "cut", True, "voice")
    ]
    assert desk.preview.sites == ("tax",)  # what the operator prepares is not touched
    desk.take("cut", "anna", 2 * SECOND)
    assert (desk.control, desk.held_by, desk.voice_decides) == ("held", "anna", False)
    desk.automate(True)
    assert (desk.control, desk.held_by) == ("automatic", "")
    desk.undo("bo", 3 * SECOND)
    assert (desk.control, desk.held_by) == ("held", "bo")
    desk.automate(False)
    assert desk.control == "manual"


def test_the_voice_may_lift_the_slate_of_a_failure_only(desk: Switcher) -> None:
    desk.automate(True)
    desk.fall_back(None, 1)
    assert desk.slate == "failure" and desk.voice_decides
    desk.cover(True, "anna", 2)
    assert desk.slate == "operator" and not desk.voice_decides


def test_failure(desk: Switcher) -> None:
    take(desk, "school")
    desk.prepare(sites=["tax"])
    assert desk.fall_back(Shot(sites=("hall",)), 2) == [
        Taken(3, Shot(sites=("hall",)), "cut", True, "failure")
    ]
    assert desk.preview.sites == ("tax",)
    assert not desk.offer(Shot(sites=("school",)))  # the operator is preparing something
    desk.undo("anna", 3)
    assert desk.on_air.sites == ("school",)
    assert desk.offer(Shot(sites=("studio",)))
    assert desk.fall_back(None, 4) == [SlateChanged(True, 5, "failure")]
    assert desk.fall_back(None, 5) == []


def test_what_outlives_a_restart(desk: Switcher) -> None:
    take(desk, "school")
    take(desk, "tax", "hall", now=2 * SECOND, layout="side")
    desk.cover(True, "anna", 3 * SECOND)
    desk.automate(True)
    body = msgspec.json.encode(desk.keep())
    kept = msgspec.json.decode(body, type=module.Kept)
    again = Switcher(SITES, Shot(sites=("hall",)), automatic=False, now=9)
    again.restore(kept)
    assert again.keep() == desk.keep()
    smaller = Switcher(("hall", "tax"), Shot(sites=("hall",)), automatic=False, now=9)
    smaller.restore(kept)
    assert smaller.on_air.sites == ("tax", "hall")
    assert smaller.preview.sites == ()  # the school is no longer invited
    assert [each.shot.sites for each in smaller.history] == [("hall",)]


class AnyRequests(RuleBasedStateMachine):
    """Whatever two desks, the voice and failures do, in any order: the state is consistent."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Switcher(SITES, Shot(sites=("hall",)), automatic=True, now=0)
        self.now = 0
        self.takes = 1

    def attempt(self, act: object, *arguments: object) -> None:
        before = self.desk.keep()
        self.now += SECOND // 4
        try:
            act(*arguments)  # type: ignore[operator]
        except LinkupError:
            assert self.desk.keep() == before  # what is refused changes nothing

    @rule(
        layout=st.none() | st.sampled_from(LAYOUTS),
        sites=st.none() | st.lists(st.sampled_from((*SITES, "nobody")), max_size=5),
        strip=st.sampled_from(["same", None, WANG]),
    )
    def prepare(self, layout: object, sites: object, strip: object) -> None:
        self.attempt(self.desk.prepare, layout, sites, strip, SITES)

    @rule(mode=st.sampled_from(["cut", "mix"]), who=st.sampled_from(["anna", "bo"]))
    def take(self, mode: str, who: str) -> None:
        before, slate, wanted = self.desk.on_air, self.desk.slate, self.desk.preview
        self.now += SECOND // 4
        try:
            self.desk.take(mode, who, self.now)  # type: ignore[arg-type]
        except LinkupError:
            return
        assert self.desk.on_air == wanted and self.desk.slate == "off"
        assert self.desk.history[-1].shot == before
        assert self.desk.history[-1].slate == slate

    @precondition(lambda self: self.desk.history)
    @rule()
    def undo(self) -> None:
        expected = self.desk.history[-1]
        self.desk.undo("anna", self.now)
        assert (self.desk.on_air, self.desk.slate) == (expected.shot, expected.slate)

    @rule(on=st.booleans())
    def slate(self, on: bool) -> None:
        self.attempt(self.desk.cover, on, "bo", self.now)

    @rule(strip=st.sampled_from([None, WANG]))
    def write(self, strip: Strip | None) -> None:
        self.attempt(self.desk.write, strip, "bo", self.now)

    @rule(on=st.booleans())
    def automate(self, on: bool) -> None:
        self.attempt(self.desk.automate, on)

    @precondition(lambda self: self.desk.voice_decides)
    @rule(site=st.sampled_from(SITES))
    def speak(self, site: str) -> None:
        preview = self.desk.preview
        self.desk.follow_voice(site, self.now)
        assert self.desk.preview == preview and self.desk.on_air.sites == (site,)

    @rule(shot=st.none() | st.sampled_from(SITES).map(lambda site: Shot(sites=(site,))))
    def fail(self, shot: Shot | None) -> None:
        covered = self.desk.slate == "operator"
        self.desk.fall_back(shot, self.now)
        assert not covered or self.desk.slate == "operator"

    @invariant()
    def consistent(self) -> None:
        desk = self.desk
        for shot in (desk.on_air, desk.preview, *(each.shot for each in desk.history)):
            assert len(shot.sites) <= capacity(shot.layout)
            assert len(set(shot.sites)) == len(shot.sites)
            assert set(shot.sites) <= set(SITES)
        assert desk.on_air.sites
        signs = desk.tally()
        air = {site for site, sign in signs.items() if sign == "air"}
        assert air == (set(desk.on_air.sites) if desk.slate == "off" else set())
        assert {site for site, sign in signs.items() if sign == "next"} == (
            set(desk.preview.sites) - air
        )
        assert desk.take_number >= self.takes  # counts up only
        self.takes = desk.take_number
        assert bool(desk.held_by) == (desk.control == "held")
        assert len(desk.history) <= module.UNDO_DEPTH


AnyRequests.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
TestAnyRequests = AnyRequests.TestCase


@given(st.lists(st.sampled_from(SITES[1:]), min_size=1, max_size=8))
@settings(deadline=None, derandomize=True)
def test_undoing_every_take_ends_at_the_start(sites: list[str]) -> None:
    desk = Switcher(SITES, Shot(sites=("hall",)), automatic=False, now=0)
    taken = 0
    for number, site in enumerate(sites):
        if (site,) != desk.on_air.sites:
            take(desk, site, now=(number + 1) * SECOND)
            taken += 1
    for _ in range(taken):
        desk.undo("anna", 99 * SECOND)
    assert desk.on_air == Shot(sites=("hall",))
