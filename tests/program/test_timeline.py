from __future__ import annotations

import random

from linkup.program.timeline import LONGEST_NS, SHORTEST_NS, Timeline

S, MS = 1_000_000_000, 1_000_000


def run(
    timeline: Timeline,
    seconds: float,
    video_late_ms: float = 0,
    jitter_ms: float = 0,
    start: float = 100,
    drift: float = 0,
) -> int:
    """Sound every 20 ms and pictures every 40 ms; returns the end in ns."""
    chance = random.Random(5)
    now = 0
    for index in range(int(seconds * 50)):
        media = index / 50
        now = int((start + media * (1 + drift)) * S)
        late = chance.random() * jitter_ms * MS
        timeline.arrived("audio", 7000 + index * 960, now + int(late))
        if index % 2 == 0:
            late = chance.random() * jitter_ms * MS + video_late_ms * MS
            timeline.arrived("video", 90 + index * 1800, now + int(late))
    return now


def both() -> Timeline:
    timeline = Timeline()
    timeline.start("audio", 48_000)
    timeline.start("video", 90_000)
    return timeline


def test_nothing_is_due_before_something_came() -> None:
    timeline = both()
    assert timeline.due("video", 90) is None
    assert timeline.position("audio", 5) is None
    timeline.report("audio", 1, 2)


def test_without_jitter_the_delay_is_the_shortest_and_position_is_the_inverse_of_due() -> None:
    timeline = both()
    run(timeline, 2)
    assert timeline.delay_ns == SHORTEST_NS
    due = timeline.due("audio", 7000 + 48_000)
    assert due is not None
    assert abs(due - (101 * S + SHORTEST_NS)) < MS
    place = timeline.position("audio", due)
    assert place is not None and abs(place - 55_000) < 1


def test_jitter_grows_the_delay_at_once_and_calm_shrinks_it_slowly() -> None:
    timeline = both()
    end = run(timeline, 3, jitter_ms=150)
    grown = timeline.delay_ns
    assert 150 * MS < grown < 200 * MS
    for index in range(150, 200):
        timeline.arrived("audio", 7000 + index * 960, end + (index - 149) * 20 * MS)
    assert grown - 8 * MS < timeline.delay_ns < grown


def test_the_delay_is_bounded() -> None:
    timeline = both()
    run(timeline, 3, jitter_ms=2500)
    assert timeline.delay_ns == LONGEST_NS


def test_reports_bring_sound_and_picture_onto_one_axis() -> None:
    timeline = both()
    # The picture needs 150 ms longer. By arrival alone it would be shown 150 ms late.
    run(timeline, 2, video_late_ms=150)
    sound, picture = timeline.due("audio", 7000 + 48_000), timeline.due("video", 90 + 90_000)
    assert sound is not None and picture is not None
    assert abs(picture - sound - 150 * MS) < 2 * MS
    timeline.report("audio", 555 * S, 7000)
    assert not timeline.synchronous()
    timeline.report("video", 555 * S, 90)
    assert timeline.synchronous()
    sound, picture = timeline.due("audio", 7000 + 48_000), timeline.due("video", 90 + 90_000)
    assert sound is not None and picture is not None
    assert abs(picture - sound) < MS
    assert picture >= 101 * S + 150 * MS + SHORTEST_NS - MS  # nobody is played before it came


def test_reports_that_cannot_be_true_are_not_believed() -> None:
    timeline = both()
    run(timeline, 2)
    timeline.report("audio", 555 * S, 7000)
    timeline.report("video", 560 * S, 90)
    assert not timeline.synchronous()
    sound, picture = timeline.due("audio", 55_000), timeline.due("video", 90_090)
    assert sound is not None and picture is not None and abs(picture - sound) < 2 * MS


def test_a_drifting_clock_is_followed() -> None:
    timeline = both()
    run(timeline, 60, drift=200e-6)
    due = timeline.due("audio", 7000 + 60 * 48_000)
    assert due is not None
    assert abs(due - (160.012 * S + timeline.delay_ns)) < 4 * MS


def test_a_restarted_sender_begins_anew() -> None:
    timeline = both()
    run(timeline, 2)
    timeline.arrived("video", 5_000_000, 110 * S)
    due = timeline.due("video", 5_000_000)
    assert due is not None and 110 * S <= due <= 110 * S + LONGEST_NS


def test_a_track_that_ended_has_no_say() -> None:
    timeline = both()
    run(timeline, 2, video_late_ms=150)
    timeline.report("audio", 555 * S, 7000)
    timeline.report("video", 555 * S, 90)
    together = timeline.due("audio", 7000)
    timeline.end("video")
    alone = timeline.due("audio", 7000)
    assert together is not None and alone is not None and together - alone >= 140 * MS
    assert timeline.due("video", 90) is None
