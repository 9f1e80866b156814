"""What every process of linkup needs to run: where things are, and its line to control.

`Place` names the folders and sockets. `ControlLine` keeps a connection to control from any other
process: it reconnects for ever, says `Hello` each time, and never blocks its owner. A process
must go on with its work when control is away; only what cannot be kept is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from linkup import messages
from linkup.config import Settings, load

log = structlog.get_logger()

RETRY_S = 0.2  # a restarted control is found again within this time


@dataclass(frozen=True)
class Place:
    """Where one running linkup keeps its things."""

    run: Path  # sockets; short, private to this run of the supervisor
    data: Path  # recordings, database, keys
    sites: Path  # sites.yaml

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def tap_socket(self) -> Path:
        return self.run / "tap.sock"

    def settings(self) -> Settings:
        """Read sites.yaml. Raises `ConfigError`."""
        return load(self.sites)

    def consultation(self, identifier: str) -> Path:
        """The folder of one consultation's recordings."""
        return self.data / identifier

    def live_hls(self, identifier: str) -> Path:
        """The folder of the live HLS window (playlists and segments) of one consultation."""
        return self.consultation(identifier) / "hls"


class ControlLine:
    """A process's connection to control.

    `hello` is called at each connection and gives the first message (so that it tells the state
    of that moment); `handle` gets every command, in order.
    """

    QUEUE = 1000  # messages kept while control is away; the oldest are dropped first

    def __init__(
        self,
        place: Place,
        hello: Callable[[], messages.Hello],
        handle: Callable[[messages.AnyMessage], Awaitable[None]],
    ) -> None:
        self._path = place.control_socket
        self._hello = hello
        self._handle = handle
        self._waiting: deque[bytes] = deque(maxlen=self.QUEUE)
        self._writer: asyncio.StreamWriter | None = None
        self.dropped = 0

    def send(self, message: messages.AnyMessage) -> None:
        """Queue a fact for control; never blocks."""
        frame = messages.encode(message)
        writer = self._writer
        if writer is not None and writer.transport.get_write_buffer_size() < 4 * 1024 * 1024:
            writer.write(frame)
            return
        if len(self._waiting) == self.QUEUE:
            self.dropped += 1
        self._waiting.append(frame)

    async def run(self) -> None:
        """Connect, talk, reconnect; until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._talk()
            self._writer = None
            await asyncio.sleep(RETRY_S)

    async def _talk(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(messages.encode(self._hello()))
            while self._waiting:
                writer.write(self._waiting.popleft())
            self._writer = writer
            async for message in messages.frames(reader):
                try:
                    await self._handle(message)
                except Exception:
                    log.exception("command failed", command=type(message).__name__)
        except msgspec.MsgspecError as error:
            log.error("control sent what we do not understand", error=str(error))
        finally:
            self._writer = None
            writer.close()


def run_process(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run one process of linkup: logs, signals, event loop.

    `main` gets an event that is set on SIGTERM or SIGINT; it must then finish its files and
    return within a few seconds. The process also ends when its parent (the supervisor) is gone.
    """
    configure_logs(name)

    async def body() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        watch = asyncio.create_task(_watch_parent(stop))
        try:
            await main(stop)
        finally:
            watch.cancel()

    asyncio.run(body())


async def _watch_parent(stop: asyncio.Event) -> None:
    parent = os.getppid()
    # A dead parent shows only in getppid(); there is no event to wait for.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    stop.set()


def configure_logs(process: str) -> None:
    """One line of key=value a record on stderr, each with the name of its process."""
    level = logging.getLevelNamesMapping().get(os.environ.get("LINKUP_LOG", "INFO").upper(), 20)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "process", "event"]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)


def cpu_seconds() -> float:
    """CPU time of this process since its start (user and system, all threads)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_mb() -> float:
    """Resident memory of this process in MiB (Linux: /proc)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
