"""WebSockets of pages: what is sent when, to whom it is too much, and how they end.

State is never queued. A line only remembers *that* its page should hear the state; the text is
made when the socket can take it, so a slow page gets the newest and nothing before it. Answers to
requests are queued, as many as a page may have asked in four seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from linkup import requests
from linkup.errors import BusyError, LinkupError, UserError
from linkup.server import words
from linkup.server.errors import explain
from linkup.server.rates import Bucket

log = structlog.get_logger()

HEARTBEAT_S = 20.0
SLOW_S = 10.0  # a page that takes nothing for this long is gone
STATE_S = 0.1  # at most ten states a second
MESSAGES_PER_S = 50
KEPT_FREE = 200  # lines that viewers cannot take
MAX_ANSWERS = 200
BUFFER = 32 * 1024  # bytes of ours that may wait for a slow socket
CLOSE_S = 2.0

CLOSE_CODES = {
    "seat-taken": 4003,
    "dropped": 4003,
    "too-fast": 4008,
    "too-slow": 1013,
    "too-many-attempts": 1013,
    "server-restarts": 1012,
}
SIGNED_OUT = 4001  # all other reasons: do not come back by itself

encode = msgspec.json.Encoder().encode


class Line:
    """One WebSocket with a page."""

    def __init__(self, state: Callable[[], bytes], state_s: float = STATE_S) -> None:
        self.connection = secrets.token_hex(8)
        self.open = False  # the page said hello: it may be told the state
        self.closed = False
        self._state, self._state_s = state, state_s
        self._socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S,
            max_msg_size=requests.MAX_TEXT,
            compress=False,
            timeout=CLOSE_S,
            writer_limit=1,  # wait at each frame while the socket takes nothing
        )
        self._answers: deque[bytes] = deque()
        self._levels: bytes | None = None
        self._state_wanted = False
        self._said: bytes = b""
        self._next_state = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._ending: str | None = None
        self._transport: asyncio.Transport | None = None

    # ------------------------------------------------------------ to the page

    def opened(self) -> None:
        """From now on the page is told the state."""
        self.open = True
        self._said = b""  # a page that says hello again knows nothing
        self.state_changed()

    def state_changed(self) -> None:
        """The page should hear the state."""
        self._state_wanted = True
        self._wake.set()

    def levels(self, text: bytes) -> None:
        """The page should hear these levels, if it has heard the last ones."""
        self._levels = text
        self._wake.set()

    def answer(self, message: dict[str, Any]) -> None:
        """Send one message, in order."""
        if len(self._answers) >= MAX_ANSWERS:
            self.abort("too-slow")
            return
        self._answers.append(encode(message))
        self._wake.set()

    def done(self, identifier: int | str | None) -> None:
        """A request was carried out."""
        if identifier is not None:
            self.answer({"type": "done", "id": identifier})

    def refuse(self, identifier: int | str | None, error: BaseException) -> None:
        """A request was not."""
        told = explain(error)
        self.answer({"type": "error", "id": identifier, "code": told.code, "text": told.text})

    def bye(self, code: str) -> None:
        """Say why, and close."""
        self._ending = self._ending or code
        self._wake.set()

    def abort(self, code: str) -> None:
        """Close without waiting for anything."""
        log.info("socket closed", reason=code, connection=self.connection)
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------ running

    async def run(
        self, request: web.Request, received: Callable[[str], None]
    ) -> web.WebSocketResponse:
        """Talk until one side ends it. `received` gets each text; its errors are answered."""
        await self._socket.prepare(request)
        self._transport = request.transport
        _keep_buffers_small(request.transport)
        tasks = [
            asyncio.create_task(self._write()),
            asyncio.create_task(self._read(received)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.closed = True
            if self._timer is not None:
                self._timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # Only now, as closing while another task reads would cut the handshake short.
        if self._ending is not None:
            code = CLOSE_CODES.get(self._ending, SIGNED_OUT)
            await self._socket.close(code=code, message=self._ending.encode())
        return self._socket

    async def _read(self, received: Callable[[str], None]) -> None:
        bucket = Bucket(rate=MESSAGES_PER_S, burst=MESSAGES_PER_S)
        loop = asyncio.get_running_loop()
        async for message in self._socket:
            if self._ending is not None:
                continue
            if not bucket.take(loop.time()):
                self.refuse(None, UserError("too-fast", "Too many messages a second."))
                self.bye("too-fast")
            elif message.type is WSMsgType.TEXT:
                self._receive(message.data, received)
            elif message.type is WSMsgType.BINARY:
                self.refuse(None, UserError("bad-message", "Messages are JSON text."))

    def _receive(self, text: str, received: Callable[[str], None]) -> None:
        try:
            received(text)
        except LinkupError as error:
            self.refuse(requests.request_id(text), error)
        except Exception as error:
            log.exception("a page's request failed", connection=self.connection)
            self.refuse(requests.request_id(text), error)

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._answers:
                    await self._send(self._answers.popleft())
                if self._ending is not None:
                    await self._say_goodbye(self._ending)
                    return
                if self.open:
                    await self._tell()
        except TimeoutError:
            self.abort("too-slow")
        except ConnectionError:
            pass  # the reader notices, too
        except Exception:
            log.exception("a page could not be told", connection=self.connection)
            self.abort("internal")

    async def _tell(self) -> None:
        if self._levels is not None:
            levels, self._levels = self._levels, None
            await self._send(levels)
        if not self._state_wanted:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._next_state:
            if self._timer is None:
                self._timer = loop.call_at(self._next_state, self._ring)
            return
        self._state_wanted = False
        self._next_state = loop.time() + self._state_s
        text = self._state()
        if text != self._said:
            self._said = text
            await self._send(text)

    def _ring(self) -> None:
        self._timer = None
        self._wake.set()

    async def _send(self, text: bytes) -> None:
        async with asyncio.timeout(SLOW_S):
            await self._socket.send_frame(text, WSMsgType.TEXT)

    async def _say_goodbye(self, code: str) -> None:
        sentence = words.SENTENCES.get(code)
        text = sentence.text if sentence else words.GENERAL[500]
        await self._send(encode({"type": "bye", "code": code, "text": text}))


class Lines:
    """All lines of a server; hears the studio once for all of them."""

    def __init__(self, levels: Callable[[], dict[str, int]], most: int) -> None:
        self._levels, self._most = levels, most
        self._lines: dict[str, Line] = {}
        self._with_levels: set[str] = set()
        self.version = 0  # counts what the studio said of its state
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._lines)

    def check_room(self, public: bool = False) -> None:
        """Raises `BusyError` when there are as many as there may be.

        The public gets what is left beside the sites and consoles, never their places.
        """
        if len(self._lines) >= self._most - (KEPT_FREE if public else 0):
            raise BusyError("busy", "Too many pages are open.")

    @contextlib.contextmanager
    def kept(self, line: Line, levels: bool) -> Iterator[None]:
        """The line is told what happens, until the end of the block."""
        self._lines[line.connection] = line
        self._empty.clear()
        if levels:
            self._with_levels.add(line.connection)
        try:
            yield
        finally:
            self._lines.pop(line.connection, None)
            self._with_levels.discard(line.connection)
            if not self._lines:
                self._empty.set()

    def bye(self, connection: str, code: str) -> None:
        """Send one page away."""
        line = self._lines.get(connection)
        if line is not None:
            line.bye(code)

    def heard(self, what: str) -> None:
        """What the studio says to those who listen."""
        if what == "state":
            self.version += 1
            for line in self._lines.values():
                line.state_changed()
        elif what == "levels":
            text = encode({"type": "levels", "levels": self._levels()})
            for connection in self._with_levels:
                self._lines[connection].levels(text)
        elif what.startswith("bye:"):
            _, connection, code = what.split(":", 2)
            self.bye(connection, code)

    async def restart(self) -> None:
        """The server stops: every page comes back at once to the next one."""
        for line in self._lines.values():
            line.bye("server-restarts")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._empty.wait()


def _keep_buffers_small(transport: asyncio.BaseTransport | None) -> None:
    """A slow page must not find minutes of old states in the kernel's buffer."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    transport.set_write_buffer_limits(high=BUFFER)
    raw = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if raw is not None and option is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, option, BUFFER)
