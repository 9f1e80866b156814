"""The word for a site's line."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from linkup.show.line import BETTER_AFTER, ORDER, TEXTS, WORSE_AFTER, Line, Sample

FINE = Sample()
DEAD = Sample(alive=False)


def judge(line: Line, *samples: Sample) -> str:
    for each in samples:
        line.judge(each)
    return line.quality


@pytest.mark.parametrize(
    ("sample", "word"),
    [
        (Sample(), "good"),
        (Sample(loss=0.01, jitter_ms=40), "good"),
        (Sample(loss=0.02), "fair"),
        (Sample(jitter_ms=80), "fair"),
        (Sample(loss=0.08), "poor"),
        (Sample(jitter_ms=200), "poor"),
        (DEAD, "lost"),
    ],
)
def test_words(sample: Sample, word: str) -> None:
    assert judge(Line(), *[sample] * 10) == word


def test_one_bad_second_says_nothing() -> None:
    line = Line()
    judge(line, FINE)
    assert judge(line, Sample(loss=0.5)) == "good"
    assert judge(line, FINE, Sample(loss=0.5), FINE) == "good"
    assert judge(line, *[Sample(loss=0.5)] * WORSE_AFTER) == "poor"


def test_better_takes_longer_than_worse() -> None:
    line = Line()
    judge(line, FINE, *[Sample(loss=0.5)] * WORSE_AFTER)
    assert judge(line, *[FINE] * (BETTER_AFTER - 1)) == "poor"
    assert judge(line, Sample(loss=0.5), *[FINE] * (BETTER_AFTER - 1)) == "poor"
    assert judge(line, FINE) == "good"


def test_a_change_goes_only_as_far_as_all_of_its_seconds() -> None:
    line = Line()
    judge(line, FINE, Sample(loss=0.5), Sample(loss=0.02))
    assert line.quality == "fair"


def test_dead_and_alive_again_are_told_at_once() -> None:
    line = Line()
    assert line.quality == "lost"
    assert judge(line, FINE) == "good"
    assert judge(line, DEAD) == "lost"
    assert judge(line, FINE) == "good"


def test_freezes_count_for_ten_seconds() -> None:
    line = Line()
    judge(line, FINE)
    frozen = Sample(freezes=3)
    assert judge(line, frozen, FINE) == "poor"
    assert judge(line, *[FINE] * 14) == "good"


def test_every_word_has_its_sentence() -> None:
    assert set(TEXTS) == set(ORDER)
    assert all(text["zh"] and text["en"] for text in TEXTS.values())


samples = st.builds(
    Sample,
    loss=st.floats(0, 1),
    jitter_ms=st.floats(0, 1000),
    freezes=st.integers(0, 5),
    alive=st.booleans(),
)


@given(st.lists(samples, max_size=60))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_does_not_flicker(seen: list[Sample]) -> None:
    """Between living words it takes as many seconds as promised; dead is always told."""
    line, since = Line(), 99
    for sample in seen:
        before = line.quality
        line.judge(sample)
        assert (line.quality == "lost") == (not sample.alive)
        if line.quality != before and "lost" not in (line.quality, before):
            assert since >= WORSE_AFTER - 1
        since = 0 if line.quality != before else since + 1
