from __future__ import annotations

import itertools

from linkup.messages import Compose, Picture, Strip
from linkup.program.stage import FULL, Stage, View, view_of

A, B = Picture(feeds=["a"]), Picture(feeds=["b"])
LI = Strip(name="李明", title="副主席")
WANG = Strip(name="王芳")


def with_strip(feed: str, strip: Strip | None) -> Picture:
    return Picture(feeds=[feed], strip=strip)


def test_it_begins_with_the_slate_and_a_cut_stands_from_its_frame_on() -> None:
    stage = Stage(30)
    assert stage.shot(0).view == View(slate=True)
    stage.change(Compose(take=1, on_air=A), 7)
    shot = stage.shot(7)
    assert shot.view.feeds == ("a",) and shot.leaving is None and shot.step == FULL


def test_a_mix_rises_evenly_and_ends() -> None:
    stage = Stage(30)
    stage.change(Compose(take=1, on_air=A), 0)
    stage.change(Compose(take=2, on_air=B, mix_ms=500), 10)
    steps = [stage.shot(number).step for number in range(10, 26)]
    assert steps[0] == FULL // 15
    assert steps[14:] == [FULL, FULL]
    assert all(
        0 < after - before <= FULL // 15 + 1 for before, after in itertools.pairwise(steps[:15])
    )
    assert stage.shot(26).leaving is None


def test_during_a_mix_both_are_needed_and_a_cut_ends_it() -> None:
    stage = Stage(30)
    stage.change(Compose(take=1, on_air=A), 0)
    stage.change(Compose(take=2, on_air=B, mix_ms=500), 1)
    assert stage.shot(2).feeds == {"a", "b"}
    stage.change(Compose(take=3, on_air=A), 3)
    assert stage.shot(3).feeds == {"a"}


def test_no_feeds_or_a_slate_is_the_slate() -> None:
    assert view_of(Compose(take=1, on_air=Picture())).slate
    assert view_of(Compose(take=1, on_air=A, slate=True)).slate
    assert (
        len(view_of(Compose(take=1, on_air=Picture(layout="four", feeds=list("abcdef")))).feeds)
        == 4
    )


def test_a_strip_fades_in_200_ms_and_out() -> None:
    stage = Stage(30)
    stage.change(Compose(take=1, on_air=with_strip("a", LI)), 0)
    rising = [dict(stage.shot(number).strips).get(LI, 0) for number in range(8)]
    assert rising[5:] == [FULL] * 3 and rising == sorted(rising) and 0 < rising[0] < FULL / 3
    stage.change(Compose(take=1, on_air=A), 20)
    falling = [dict(stage.shot(number).strips).get(LI, 0) for number in range(20, 28)]
    assert falling == sorted(falling, reverse=True) and falling[5:] == [0, 0, 0]


def test_a_changed_strip_waits_until_the_one_before_has_left() -> None:
    stage = Stage(30)
    stage.change(Compose(take=1, on_air=with_strip("a", LI)), 0)
    stage.change(Compose(take=1, on_air=with_strip("a", WANG)), 30)
    for number in range(30, 50):
        assert len(stage.shot(number).strips) <= 1
    assert stage.shot(50).strips == ((WANG, FULL),)


def test_a_cut_takes_the_old_strip_with_it_and_the_same_strip_stays() -> None:
    stage = Stage(30)
    stage.change(Compose(take=1, on_air=with_strip("a", LI)), 0)
    stage.shot(20)
    stage.change(Compose(take=2, on_air=with_strip("b", LI)), 21)
    assert stage.shot(21).strips == ((LI, FULL),)
    stage.change(Compose(take=3, on_air=with_strip("a", WANG)), 30)
    assert [strip for strip, _ in stage.shot(30).strips] == [WANG]
    stage.change(Compose(take=4, on_air=with_strip("a", WANG), slate=True), 60)
    assert stage.shot(60).strips == ()


def test_an_empty_name_is_no_strip() -> None:
    stage = Stage(25)
    stage.change(Compose(take=1, on_air=with_strip("a", Strip(name="  "))), 0)
    assert stage.shot(10).strips == ()
