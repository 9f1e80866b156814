"""A small recorded consultation: made by the recorder's own parts from real codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from linkup import clock
from linkup.record import journal, seal
from tests.record.footage import SECOND, Publisher, pictures, sound
from tests.record.stage import Stage

ID = "river"
SITES = [
    {"id": "hall", "name": {"zh": "主会场", "en": "Main hall"}, "city": {}, "hall": True},
    {"id": "school", "name": {"zh": "学校", "en": "School"}, "city": {}, "hall": False},
]


class Archive:
    """`data/river` with two sites, the program, and a journal."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / ID
        self.key = seal.server_key(data)
        self.book = journal.Journal(self.folder)
        (self.folder / seal.PUBLIC_NAME).write_bytes(seal.public_pem(self.key.public_key()))
        title = {"zh": "协商会", "en": "Consultation"}
        self.say("record-started", {"title": title, "sites": SITES, "version": "0"})
        self.stage = Stage(self.folder)
        self.stage.note = self.say  # type: ignore[method-assign]
        self.stage.shelf._note = self.say
        self.start = 1000 * SECOND  # monotonic ns of the first frame

    def say(
        self, kind: str, data: dict[str, Any], who: str = "system", at_s: float | None = None
    ) -> None:
        at = None if at_s is None else clock.utc_ns(self.start + round(at_s * SECOND))
        self.book.append(kind, who, data, at_ns=at)

    def ms(self, seconds: float) -> int:
        """UTC ms of a moment of the footage."""
        return clock.utc_ns(self.start + round(seconds * SECOND)) // 1_000_000

    def record(self) -> None:
        """Six seconds of everything."""
        mixed = [
            *Publisher("hall", frames=pictures("vp8", 6), packets=sound(6)).entries(),
            *Publisher(
                "school", first_track=11, video="h264", frames=pictures("h264", 6),
                packets=sound(6),
            ).entries(),
            *Publisher(
                "program", first_track=21, video="h264",
                frames=pictures("h264", 6, 320, 240, 40), packets=sound(6),
            ).entries(),
        ]  # fmt: skip
        self.stage.play(sorted(mixed, key=lambda each: each[0]))

    def finish(self) -> None:
        self.stage.finish()
        self.say("record-stopped", {"files": 3, "bytes": 0})
        seal.append(self.book, self.key, ID)
        self.book.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.record()
    return made
