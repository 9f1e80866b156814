"""The connection to the packet plane's tap: made again for ever, read without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from linkup import clock
from linkup.wire import tap

log = structlog.get_logger()

RETRY_S = 0.2
PACE_S = 0.01  # after a read, the next one is this much later: fewer wake-ups for the same packets
BUFFER = 4 * 1024 * 1024  # bytes asked of the kernel for what arrives between two reads


class TapLine:
    """Gives every message to `take`; `connected` is called at each new connection."""

    def __init__(
        self, path: Path, take: Callable[[bytes], None], connected: Callable[[], None]
    ) -> None:
        self._path = path
        self._take = take
        self._connected = connected
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def ask_keyframe(self, track: int) -> None:
        """Ask for a key frame; from any thread. Lost when there is no connection: ask again."""
        self._send(tap.entry(tap.KEYFRAME, track, clock.now_ns()))

    async def run(self) -> None:
        """Connect, read, reconnect; until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._talk()
            await asyncio.sleep(RETRY_S)

    async def _talk(self) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            line.setblocking(False)
            with contextlib.suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            await asyncio.get_running_loop().sock_connect(line, str(self._path))
            with self._lock:
                self._socket = line
            self._connected()
            self._send(tap.want_entry(tap.Want(reader="record"), clock.now_ns()))
            await self._read(line)
        finally:
            with self._lock:
                self._socket = None
            line.close()

    async def _read(self, line: socket.socket) -> None:
        """Until the other end is gone. Everything that is there is read at each wake-up."""
        loop = asyncio.get_running_loop()
        while True:
            message = await loop.sock_recv(line, tap.MAX_MESSAGE)
            while message:
                self._take(message)
                try:
                    message = line.recv(tap.MAX_MESSAGE)
                except BlockingIOError:
                    break
            if not message:
                return
            await asyncio.sleep(PACE_S)

    def _send(self, message: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.send(message)
