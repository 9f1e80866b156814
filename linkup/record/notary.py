"""The thread that keeps the journal: opens it, writes batches, seals it every minute.

`note` and `enter` never block and never fail; what cannot be written yet is kept in memory
(bounded), and trouble stands in `error` until it is over.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from linkup import clock
from linkup.errors import LinkupError
from linkup.messages import Entry
from linkup.record import journal, seal

log = structlog.get_logger()

BATCH_S = 0.25  # an entry is on disk within twice this
SEAL_S = 60.0
RETRY_S = 0.5
KEPT = 20_000  # entries kept while there is no journal; the oldest are dropped first

_Waiting = tuple[str, str, dict[str, Any], int, str]  # kind, who, data, UTC ns, id


class Notary:
    """Writes the journal of one consultation."""

    def __init__(self, data: Path, id: str, noted: Callable[[list[str]], None]) -> None:
        """`noted(ids)` is called from the thread when entries of control are on disk."""
        self.error = ""  # present trouble in words
        self.dropped = 0  # entries that could not be kept
        self.ready = threading.Event()  # the journal is open
        self._data = data
        self._id = id
        self._noted = noted
        self._waiting: deque[_Waiting] = deque(maxlen=KEPT)
        self._stop = threading.Event()
        self._sealed = 0.0
        self._thread = threading.Thread(target=self._run, name="notary", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def note(self, kind: str, data: dict[str, Any], at_ns: int | None = None) -> None:
        """Something the recorder itself saw. `at_ns`: UTC, now when not given."""
        self._keep((kind, "system", data, at_ns or clock.utc_ns(), ""))

    def enter(self, entry: Entry) -> None:
        """Something that control tells."""
        self._keep((entry.kind, entry.who, entry.data, clock.utc_ns(entry.at), entry.id))

    def stop(self, patience_s: float) -> None:
        """Write the rest, seal, close."""
        self._stop.set()
        self._thread.join(patience_s)

    def _keep(self, waiting: _Waiting) -> None:
        if len(self._waiting) == KEPT:
            self.dropped += 1
        self._waiting.append(waiting)

    def _run(self) -> None:
        opened = self._open()
        if opened is None:
            return
        book, key = opened
        self._sealed = time.monotonic()
        while not self._stop.wait(BATCH_S):
            self._round(book, key)
        self._take(book)
        seal.append(book, key, self._id)
        try:
            self._noted(book.flush())
            book.close()
        except OSError as error:
            log.error("the end of the journal could not be written", error=str(error))

    def _open(self) -> tuple[journal.Journal, Ed25519PrivateKey] | None:
        """Try until it works or the process stops."""
        while True:
            try:
                key = seal.server_key(self._data)
                folder = self._data / self._id
                book = journal.Journal(folder)
                (folder / seal.PUBLIC_NAME).write_bytes(seal.public_pem(key.public_key()))
            except (OSError, LinkupError) as error:
                self._trouble(f"the journal cannot be written: {error}")
            else:
                self.error = ""
                self.ready.set()
                return book, key
            if self._stop.wait(RETRY_S):
                return None

    def _round(self, book: journal.Journal, key: Ed25519PrivateKey) -> None:
        self._take(book)
        if time.monotonic() - self._sealed > SEAL_S:
            self._sealed = time.monotonic()
            seal.append(book, key, self._id)
        try:
            ids = book.flush()
        except OSError as error:
            self._trouble(f"the journal cannot be written: {error.strerror or error}")
            return
        self.error = ""
        if ids:
            self._noted(ids)

    def _take(self, book: journal.Journal) -> None:
        while self._waiting:
            kind, who, data, at_ns, id = self._waiting[0]
            try:
                if not book.append(kind, who, data, at_ns=at_ns, id=id):
                    return  # enough waits in the journal itself
            except (ValueError, TypeError) as error:
                log.error("this cannot be said in a journal", kind=kind, error=str(error))
                self.dropped += 1
            self._waiting.popleft()

    def _trouble(self, text: str) -> None:
        if text != self.error:
            log.error("journal", error=text)
        self.error = text
