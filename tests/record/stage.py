"""A shelf and its feeds without threads and sockets, driven by arrival times."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from linkup.record.feeds import FeedRecorder
from linkup.record.shelf import Shelf
from linkup.wire import tap
from tests.record.footage import SECOND


class Stage:
    """A shelf and its feeds, driven by arrival times."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[int] = []
        self.folder = folder
        self.shelf = Shelf(folder, self.note)
        self.feeds: dict[str, FeedRecorder] = {}
        self.now = 0

    def note(self, kind: str, data: dict[str, Any]) -> None:
        json.dumps(data)
        self.notes.append((kind, data))

    def play(self, entries: Iterable[tuple[int, bytes]]) -> None:
        for at, entry in entries:
            while self.now and at - self.now > SECOND // 10:
                self.tick(SECOND // 10)
            self.now = max(self.now, at)
            for kind, track, when, payload in tap.entries(entry):
                self.entry(kind, track, when, payload)
            self.tick(0)

    def tick(self, step: int) -> None:
        self.now += step
        for feed in self.feeds.values():
            feed.tick(self.now)
        self.shelf.tell()

    def entry(self, kind: int, track: int, at: int, payload: memoryview) -> None:
        if kind == tap.TRACK:
            said = tap.parse_track(payload)
            if said.feed not in self.feeds:
                self.feeds[said.feed] = FeedRecorder(
                    said.feed, self.shelf, self.note, self.asked.append
                )
            self.feeds[said.feed].announce(said, at)
            return
        for feed in self.feeds.values():
            if kind == tap.RTP:
                feed.packet(track, payload, at)
            elif kind == tap.REPORT:
                feed.report(track, *tap.REPORT_BODY.unpack(payload))
            elif kind == tap.GONE:
                feed.gone(track, at)

    def finish(self) -> list[dict[str, Any]]:
        """Close everything; the "segment-closed" lines."""
        for feed in self.feeds.values():
            feed.close("stop")
        self.shelf.close(10)
        return [data for kind, data in self.notes if kind == "segment-closed"]
