"""The record process: feeds → files, events → journal.

    tap.sock ─→ TapLine (thread) ─→ Engine (thread) ─→ FeedRecorder ─→ SegmentFile
    control  ─→ ControlLine ─→ Notary (thread) ─→ Journal, seals
                                          fsync, hashes, files of earlier runs: a thread each

Who reads a socket waits for nobody: it moves bytes into bounded queues.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import Any

import structlog

from linkup import __version__, clock
from linkup.config import Settings
from linkup.messages import AnyMessage, Entry, Hello, Noted, RecordStats
from linkup.record import recovery
from linkup.record.engine import Engine
from linkup.record.notary import Notary
from linkup.record.shelf import Shelf
from linkup.record.tapline import TapLine
from linkup.record.tracks import WAIT_MS
from linkup.record.writer import PIECE_MS
from linkup.runtime import ControlLine, Place, cpu_seconds, rss_mb

log = structlog.get_logger()

SYNC_S = 1.0  # between two fsyncs of all files
# Of the 8 s between SIGTERM and SIGKILL:
PACKETS_S = 2.0  # for what was read already
FILES_S = 4.0  # for the ends of files and their hashes
JOURNAL_S = 1.5
BEHIND_NS = 3_000_000_000  # packets that wait longer to be written are worth a warning
_IN_MEMORY_NS = (PIECE_MS + WAIT_MS) * 1_000_000  # what may not be in the files yet


class Recorder:
    """Everything that records one consultation."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self.folder = place.consultation(settings.consultation.id)
        self.notary = Notary(place.data, settings.consultation.id, self._noted)
        minimum = settings.storage.minimum_free_mb * 1024 * 1024
        self.shelf = Shelf(self.folder, self._note, minimum)
        self.engine = Engine(self.shelf, self._note, lambda track: self.tap.ask_keyframe(track))
        self.tap = TapLine(place.tap_socket, self.engine.put, self.engine.reset)
        self.control = ControlLine(
            place, lambda: Hello(process="record", pid=os.getpid()), self._command
        )
        self.flushed = clock.now_ns()
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="syncer", daemon=True)
        self._recovery = threading.Thread(target=self._recover, name="recovery", daemon=True)
        self._troubles: dict[str, str] = {}

    def start(self) -> None:
        """Start the threads."""
        self.notary.note("record-started", self._introduction())
        self.notary.start()
        self.engine.start()
        self.tap.start()
        self._syncer.start()
        self._recovery.start()

    async def stop(self) -> None:
        """Finish the files, then the journal."""
        self._stop.set()
        self.shelf.stopping()
        await asyncio.to_thread(self.tap.stop, 0.5)
        await asyncio.to_thread(self.engine.stop, PACKETS_S)
        await asyncio.to_thread(self.shelf.close, FILES_S)
        self._note("record-stopped", {"files": self.shelf.files, "bytes": self.shelf.bytes})
        await asyncio.to_thread(self.notary.stop, JOURNAL_S)

    def stats(self) -> RecordStats:
        """What control is told once a second."""
        return RecordStats(
            files_open=len(self.shelf.open),
            files=self.shelf.files,
            bytes=self.shelf.bytes,
            dropped=self.engine.dropped,
            errors=self._errors(),
            flushed=self.flushed,
            cpu_s=cpu_seconds(),
            rss_mb=rss_mb(),
            at=clock.now_ns(),
        )

    def _errors(self) -> list[str]:
        errors = dict(self.shelf.errors)
        if self.notary.error:
            errors["journal"] = self.notary.error
        if clock.now_ns() - self.engine.clear_at > BEHIND_NS:
            errors["slow"] = "the disk of recordings does not keep up"
        for what, text in errors.items():
            if what not in self._troubles:
                self._note("trouble", {"what": what, "text": text})
        for what, text in self._troubles.items():
            if what not in errors:
                self._note("trouble-over", {"what": what, "text": text})
        self._troubles = errors
        return list(errors.values())

    def _introduction(self) -> dict[str, Any]:
        """What a reader of the archive alone must know: titles and names."""
        settings = self._settings
        return {
            "version": __version__,
            "title": settings.consultation.title.model_dump(),
            "sites": [
                {
                    "id": site.id,
                    "name": site.name.model_dump(),
                    "city": site.city.model_dump(),
                    "hall": site in settings.halls,
                }
                for site in settings.sites
            ],
        }

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        self.notary.note(kind, data)

    def _noted(self, ids: list[str]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: control asks again
            self._loop.call_soon_threadsafe(self._tell_noted, ids)

    def _tell_noted(self, ids: list[str]) -> None:
        self.control.send(Noted(ids=ids))

    async def _command(self, message: AnyMessage) -> None:
        if isinstance(message, Entry):
            self.notary.enter(message)

    def _sync(self) -> None:
        while not self._stop.wait(SYNC_S):
            clear = self.engine.clear_at
            self.shelf.sync()
            self.shelf.check_space()
            if not self.shelf.errors.get("write"):
                self.flushed = clear - _IN_MEMORY_NS

    def _recover(self) -> None:
        try:
            left = recovery.orphans(self.folder)
            left = [each for each in left if each.path not in self.shelf.begun]
            recovery.close_orphans(self.folder, left, self._note, self._stop)
        except Exception:
            log.exception("files of the run before could not be closed")


async def main(place: Place, stop: asyncio.Event) -> None:
    """Body of the record process."""
    recorder = Recorder(place, place.settings())
    recorder.start()
    tasks = [
        asyncio.create_task(recorder.control.run()),
        asyncio.create_task(_report(recorder)),
    ]
    await stop.wait()
    await recorder.stop()  # control still hears what is noted
    await asyncio.sleep(0)  # let the last `Noted` out
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _report(recorder: Recorder) -> None:
    while True:
        recorder.control.send(recorder.stats())
        await asyncio.sleep(1.0)
