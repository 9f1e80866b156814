"""The line to media: `{run}/tap.sock`, both ways, for ever reconnected, never waited for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import structlog

from linkup import clock
from linkup.wire import tap
from linkup.wire.tap import Want

log = structlog.get_logger()

RETRY_S = 0.2
WAKE_UP = 64  # messages read before others get their turn
BUFFER = 4 * 1024 * 1024  # bytes asked of the kernel; it gives what it allows

Entry = Callable[[int, int, int, memoryview], None]


class TapLine:
    """The reader's and the giver's end of the tap."""

    def __init__(self, path: Path, entry: Entry, connected: Callable[[], None]) -> None:
        """`entry(kind, track, at, payload)` gets all that comes; `connected` each time."""
        self._path = path
        self._entry = entry
        self._connected = connected
        self._socket: socket.socket | None = None
        self._lost = asyncio.Event()
        self._want = Want(reader="program", audio=[], video=[])
        self.refused = 0  # messages that media was too slow for at that moment
        self.garbage = 0  # entries that raised

    def want(self, audio: list[str], video: list[str]) -> None:
        """What to be sent from now on."""
        want = Want(reader="program", audio=audio, video=video)
        if want != self._want:
            self._want = want
            self._say_want()

    def send(self, message: bytes) -> bool:
        """Give one message to media; False when it cannot take it now. While there is no media
        it goes nowhere, and that is true too."""
        if self._socket is None:
            return True
        try:
            self._socket.send(message)
        except BlockingIOError:
            self.refused += 1
            return False
        except OSError:
            self._lost.set()
        return True

    def ask_keyframe(self, track: int) -> None:
        """Request a key frame of a track."""
        self.send(tap.entry(tap.KEYFRAME, track, clock.now_ns()))

    async def run(self) -> None:
        """Connect, read, reconnect; until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._talk()
            await asyncio.sleep(RETRY_S)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            line.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                line.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            line.connect(str(self._path))  # a Unix socket connects at once or not at all
            self._lost.clear()
            self._socket = line
            loop.add_reader(line, self._read, line)
            self._say_want()
            self._connected()
            await self._lost.wait()
        finally:
            self._socket = None
            loop.remove_reader(line)
            line.close()

    def _say_want(self) -> None:
        self.send(tap.want_entry(self._want, clock.now_ns()))

    def _read(self, line: socket.socket) -> None:
        for _ in range(WAKE_UP):
            try:
                message = line.recv(tap.MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lost.set()
                return
            for kind, track, at, payload in tap.entries(message):
                try:
                    self._entry(kind, track, at, payload)
                except Exception:
                    self.garbage += 1
                    if self.garbage < 10:
                        log.exception("an entry of the tap could not be handled")
