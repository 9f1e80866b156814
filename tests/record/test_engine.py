"""Feeds through the engine into files, with a clock that is ours: real codecs, real files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from linkup.record import feeds
from linkup.record import shelf as shelves
from tests.record.footage import FPS, SECOND, Publisher, decode, pictures, sound
from tests.record.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_site_is_recorded_whole_and_in_sync(stage: Stage, codec: Any) -> None:
    publisher = Publisher("a", video=codec, frames=pictures(codec, 4), packets=sound(4))
    publisher.video_delay_ms, publisher.audio_delay_ms = 180.0, 20.0  # pictures come later
    stage.play(publisher.entries())
    (closed,) = stage.finish()
    assert closed["codec"] == f"{codec}+opus"
    assert closed["video_frames"] == 4 * FPS and closed["packets_lost"] == 0
    seen = decode(stage.folder / closed["path"])
    assert seen.frames == 4 * FPS
    assert abs(seen.length - 4) < 0.2
    # The first second is before the first report could be used by both tracks.
    assert len(seen.flashes) == 4 and len(seen.beeps) >= 3
    for flash, beep in zip(seen.flashes[-2:], seen.beeps[-2:], strict=True):
        assert abs(flash - beep) < 0.040


def test_the_program_is_a_fragmented_mp4(stage: Stage) -> None:
    publisher = Publisher("program", video="h264", frames=pictures("h264", 3), packets=sound(3))
    stage.play(publisher.entries())
    (closed,) = stage.finish()
    assert closed["path"].startswith("program/") and closed["path"].endswith(".mp4")
    seen = decode(stage.folder / closed["path"])
    assert seen.frames == 3 * FPS and len(seen.flashes) == 3


def test_reordered_and_delayed_packets_lose_nothing(stage: Stage) -> None:
    publisher = Publisher("a", frames=pictures("vp8", 3), packets=sound(3), jitter_ms=120.0)
    stage.play(publisher.entries())
    (closed,) = stage.finish()
    assert closed["packets_lost"] == 0
    assert decode(stage.folder / closed["path"]).frames == 3 * FPS


def test_a_lost_frame_leaves_out_what_cannot_be_decoded(stage: Stage) -> None:
    publisher = Publisher("a", frames=pictures("vp8", 6), packets=sound(6), loss=0.02, seed=3)
    stage.play(publisher.entries())
    (closed,) = stage.finish()
    assert closed["packets_lost"] > 0
    gaps = [data for kind, data in stage.notes if kind == "gap"]
    assert gaps and 1 in stage.asked
    left_out = 6 * FPS - closed["video_frames"]
    assert left_out >= sum(gap["frames_left_out"] for gap in gaps) > 0
    seen = decode(stage.folder / closed["path"])
    assert seen.frames == closed["video_frames"]
    for gap in gaps:
        assert gap["from_ns"] < gap["until_ns"]


def test_another_size_begins_another_file_at_its_key_frame(stage: Stage) -> None:
    frames = pictures("vp8", 2) + pictures("vp8", 2, 320, 240)
    stage.play(Publisher("a", frames=frames, packets=sound(4)).entries())
    first, second = stage.finish()
    assert (first["width"], second["width"]) == (160, 320)
    one, two = (decode(stage.folder / each["path"]) for each in (first, second))
    assert (one.frames, two.frames) == (2 * FPS, 2 * FPS)
    assert set(one.sizes) == {(160, 120)} and set(two.sizes) == {(320, 240)}
    assert abs(two.length - 2) < 0.1 and len(two.beeps) == 2
    assert abs(second["started_ns"] - first["started_ns"] - 2 * SECOND) < SECOND // 10


def test_another_publisher_begins_another_file(stage: Stage) -> None:
    footage = {"frames": pictures("vp8", 2), "packets": sound(2)}
    stage.play(Publisher("a", **footage).entries())
    stage.play(Publisher("a", peer="p2", first_track=7, start=1002 * SECOND, **footage).entries())
    closed = stage.finish()
    assert [each["peer"] for each in closed] == ["p1", "p2"]
    assert closed[0]["why"] == "publisher"
    assert all(decode(stage.folder / each["path"]).frames == 2 * FPS for each in closed)


def test_sound_alone_is_recorded_and_then_the_picture_too(stage: Stage) -> None:
    early = Publisher("a", video=None, packets=sound(3))
    both = Publisher("a", frames=pictures("vp8", 2), audio=False)
    stage.play(early.entries())
    stage.play(both.entries(begin=3))
    alone, together = stage.finish()
    assert alone["codec"] == "opus" and together["codec"] == "vp8+opus"
    heard = decode(stage.folder / alone["path"])
    assert heard.samples >= 3 * 48_000 - 1000  # from the first packet on
    assert decode(stage.folder / together["path"]).frames == 2 * FPS


def test_silence_ends_a_file_and_its_return_begins_one(stage: Stage) -> None:
    footage = {"frames": pictures("vp8", 1), "packets": sound(1)}
    stage.play(Publisher("a", **footage).entries())
    stage.play(Publisher("a", **footage).entries(begin=10))
    first, second = stage.finish()
    assert first["why"] == "silence"
    assert abs(second["started_ns"] - first["started_ns"] - 10 * SECOND) < SECOND // 10


def test_long_files_are_cut_at_a_key_frame(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LONGEST", 19 * SECOND // 10)
    stage.play(Publisher("a", frames=pictures("vp8", 5), packets=sound(5)).entries())
    closed = stage.finish()
    assert [each["video_frames"] for each in closed] == [2 * FPS, 2 * FPS, FPS]


def test_the_larger_layer_is_taken_and_the_smaller_when_it_stops(stage: Stage) -> None:
    small = Publisher("a", frames=pictures("vp8", 6), packets=[], audio=False)
    large = Publisher(
        "a", first_track=5, frames=pictures("vp8", 3, 320, 240), packets=[], audio=False
    )
    mixed = sorted([*small.entries(), *large.entries()], key=lambda each: each[0])
    stage.play(mixed)
    closed = stage.finish()
    assert [each["width"] for each in closed] == [320, 160]
    assert closed[0]["video_frames"] == 3 * FPS
    assert closed[1]["video_frames"] >= FPS  # from the first key frame after a second of nothing


def test_a_stop_in_a_hurry_still_gives_every_file_its_hash(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "REREAD", 0)
    monkeypatch.setattr(shelves, "sha256", lambda *_: pytest.fail("there was no time to read"))
    stage.play(Publisher("a", frames=pictures("vp8", 3), packets=sound(3)).entries())
    stage.shelf.stopping()
    (closed,) = stage.finish()
    path = stage.folder / closed["path"]
    assert closed["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert closed["bytes"] == path.stat().st_size
    seen = decode(path)
    assert seen.frames == 3 * FPS and len(seen.beeps) == 3
