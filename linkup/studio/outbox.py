"""Journal entries on their way to the recorder.

An entry is kept until record says that it is on disk, and is sent again to a record process that
was restarted; record ignores what it already has. So nothing is lost while record is away.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from linkup.messages import Entry

log = structlog.get_logger()

MOST = 100_000  # entries; a consultation of a day has a few thousand
IN_FLIGHT = 500


class Outbox:
    """Entries that are not yet on disk, oldest first."""

    def __init__(self, send: Callable[[Entry], bool]) -> None:
        self._send = send
        self._boot = secrets.token_hex(6)
        self._count = itertools.count(1)
        self._waiting: dict[str, Entry] = {}
        self._flying: dict[str, Entry] = {}
        self.empty = asyncio.Event()
        self.empty.set()
        self.noted = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    def put(self, kind: str, who: str, data: dict[str, Any], at: int) -> Entry:
        """Note something that happened at `at` (monotonic ns)."""
        entry = Entry(id=f"{self._boot}-{next(self._count)}", kind=kind, who=who, data=data, at=at)
        self._waiting[entry.id] = entry
        self.empty.clear()
        if len(self._waiting) > MOST:
            self._waiting.pop(next(iter(self._waiting)))
            self.dropped += 1
            if self.dropped % 1000 == 1:
                log.error("journal entries dropped, record is away too long", count=self.dropped)
        self.pump()
        return entry

    def noted_down(self, ids: Iterable[str]) -> None:
        """Record has these on disk."""
        for each in ids:
            found = self._flying.pop(each, None) or self._waiting.pop(each, None)
            self.noted += found is not None
        if not len(self):
            self.empty.set()
        self.pump()

    def start_again(self) -> None:
        """A record process has come: it gets all that is not noted, in order."""
        self._waiting = {**self._flying, **self._waiting}
        self._flying = {}
        self.pump()

    def pump(self) -> None:
        """Send what can be sent now."""
        while self._waiting and len(self._flying) < IN_FLIGHT:
            name, entry = next(iter(self._waiting.items()))
            if not self._send(entry):
                return
            del self._waiting[name]
            self._flying[name] = entry
