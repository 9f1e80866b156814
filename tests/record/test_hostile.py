"""Whatever comes out of the tap: recorded, or counted and dropped; nothing else happens."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from linkup.record import engine as engines
from linkup.record.engine import Engine
from linkup.record.shelf import Shelf
from linkup.wire import tap
from tests.record.footage import Publisher, decode, pictures, sound


def made(folder: Path) -> tuple[Engine, Shelf, list[dict[str, Any]]]:
    closed: list[dict[str, Any]] = []

    def note(kind: str, data: dict[str, Any]) -> None:
        if kind == "segment-closed":
            closed.append(data)

    shelf = Shelf(folder, note)
    return Engine(shelf, note, lambda track: None), shelf, closed


def messages() -> list[bytes]:
    sources = (
        Publisher("a", frames=pictures("vp8", 2), packets=sound(2)),
        Publisher("b", first_track=11, video="h264", frames=pictures("h264", 2), packets=sound(2)),
    )
    return [entry for source in sources for _, entry in source.entries()]


def test_mutated_messages_disturb_nobody(tmp_path: Path) -> None:
    engine, shelf, closed = made(tmp_path)
    chance = random.Random(7)
    good = messages()
    for message in good:
        engine.put(message)
        broken = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        if bytes(broken[3:7]) not in (b"\0\0\0\1", b"\0\0\0\2", b"\0\0\0\x0b", b"\0\0\0\x0c"):
            engine.put(bytes(broken))  # of a track that nobody announced
        broken = bytearray(chance.choice(good))[: chance.randrange(60)]
        engine.put(bytes(broken[:1]) + b"\xff\xff" + bytes(broken[3:]))  # cut off
    engine.start()
    engine.stop(60)
    shelf.close(10)
    assert engine.faults == 0
    assert {each["feed"]: each["video_frames"] for each in closed} == {"a": 40, "b": 40}


def test_mutated_media_of_a_known_track_raises_nothing(tmp_path: Path) -> None:
    engine, shelf, closed = made(tmp_path)
    chance = random.Random(8)
    for message in messages():
        broken = bytearray(message)
        if message[0] == tap.RTP and chance.random() < 0.2:
            broken[chance.randrange(tap.HEADER.size, len(broken))] = chance.randrange(256)
        engine.put(bytes(broken))
    engine.start()
    engine.stop(60)
    shelf.close(10)
    assert engine.faults == 0
    assert closed
    for each in closed:
        assert (tmp_path / each["path"]).stat().st_size == each["bytes"]


def test_a_stalled_disk_drops_and_counts_and_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "CAPACITY", 9_000)
    engine, shelf, closed = made(tmp_path)
    stall, stalled = threading.Event(), threading.Event()
    begin = shelf.begin

    def slow(*arguments: Any) -> Any:
        stalled.set()
        stall.wait(20)
        return begin(*arguments)

    monkeypatch.setattr(shelf, "begin", slow)
    source = Publisher("a", frames=pictures("vp8", 6), packets=sound(6))
    entries = [entry for _, entry in source.entries()]
    engine.start()
    for entry in entries[:10]:
        engine.put(entry)
    assert stalled.wait(20)
    for entry in entries[10:]:
        engine.put(entry)  # returns at once, though nothing is taken
    assert engine.dropped > 0
    stall.set()
    engine.stop(60)
    shelf.close(10)
    assert closed and decode(tmp_path / closed[0]["path"]).frames > 0
