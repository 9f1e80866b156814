"""The connection to the packet plane's tap: made again for ever, read by a thread of its own.

A thread that sleeps between two reads costs a third of an event loop that wakes for each message.
While little comes it reads a few dozen times a second; when much comes it reads at once again, so
that the kernel's buffer never fills.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from linkup import clock
from linkup.wire import tap

log = structlog.get_logger()

RETRY_S = 0.2
PACE_S = 0.025  # between two reads
CALM_S = 0.06  # the same while little comes
CALM = 12 * 1024  # bytes in one read: far from what the kernel's buffer (208 KiB) holds
BUSY = 64 * 1024  # bytes in one read: the next one follows at once
MOST = 8 * 1024 * 1024  # bytes in one go: more than the kernel's buffer holds
LOOK_S = 0.25  # how often a thread that hears nothing looks whether it shall stop


class TapLine:
    """Gives every message to `take`; `connected` is called at each new connection."""

    def __init__(
        self, path: Path, take: Callable[[bytes], None], connected: Callable[[], None]
    ) -> None:
        """`take` and `connected` are called from the thread and must not block."""
        self._path = path
        self._take = take
        self._connected = connected
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tap", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join(patience_s)

    def ask_keyframe(self, track: int) -> None:
        """Ask for a key frame; from any thread. Lost when there is no connection: ask again."""
        self._send(tap.entry(tap.KEYFRAME, track, clock.now_ns()))

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                self._talk()
            self._stop.wait(RETRY_S)

    def _talk(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(str(self._path))
            line.setblocking(False)
            with self._lock:
                self._socket = line
            self._connected()
            self._send(tap.want_entry(tap.Want(reader="record"), clock.now_ns()))
            try:
                self._read(line)
            finally:
                with self._lock:
                    self._socket = None

    def _read(self, line: socket.socket) -> None:
        """Until the other end is gone, or `stop`."""
        poll = select.poll()
        poll.register(line, select.POLLIN)
        while True:
            stopping = self._stop.is_set()  # then once more: what came before counts
            if poll.poll(0 if stopping else LOOK_S * 1000):
                size = self._drain(line)
                if size is None:
                    return
                if size < BUSY and not stopping:
                    self._stop.wait(CALM_S if size < CALM else PACE_S)
            if stopping:
                return

    def _drain(self, line: socket.socket) -> int | None:
        """Take what is there, up to some megabytes; its size, or `None` at the end."""
        size = 0
        while size < MOST:
            try:
                message = line.recv(tap.MAX_MESSAGE)
            except BlockingIOError:
                break
            if not message:
                return None
            self._take(message)
            size += len(message)
        return size

    def _send(self, message: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.send(message)
