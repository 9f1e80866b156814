"""The WebSocket of a page, as a page uses it (docs/protocol.md). For sites and for consoles."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from linkup.errors import LinkupError, PeerError, UserError

ANSWER_S = 10.0
MAX_MESSAGE = 4 * 1024 * 1024  # bytes; the state of a large event is some tens of kB


class Refused(LinkupError):
    """The server answered a request with `error`."""


class Page:
    """One WebSocket: requests with answers, the newest state, the newest levels."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.state: dict[str, Any] = {}
        self.levels: dict[str, Any] = {}
        self.states = 0  # how many came
        self.close_code: int | None = None
        self.bye: dict[str, Any] = {}
        self.welcome: dict[str, Any] = {}
        self.on_state: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_renew: Callable[[], None] = lambda: None  # the server has lost our peer
        self._session, self._url, self._token = session, url, token
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._numbers = itertools.count(1)
        self._questions: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._welcomed: asyncio.Future[dict[str, Any]] | None = None
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def open(self, **hello: Any) -> dict[str, Any]:
        """Connect and say hello; the server's `welcome`. Raises `PeerError` with code `page`."""
        try:
            self._socket = await self._session.ws_connect(
                self._url, params={"token": self._token}, max_msg_size=MAX_MESSAGE, heartbeat=20
            )
        except (aiohttp.ClientError, OSError) as error:
            raise PeerError("page", f"{self._url}: {error}") from None
        self._welcomed = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())
        await self._socket.send_json({"type": "hello", **hello})
        try:
            self.welcome = await asyncio.wait_for(self._welcomed, ANSWER_S)
        except TimeoutError:
            await self.close()
            raise PeerError("page", f"{self._url}: no welcome in {ANSWER_S:g} s") from None
        return self.welcome

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer. Raises `Refused`, or `PeerError` when it ends."""
        if self._socket is None or self._socket.closed:
            raise PeerError("page", "the page's connection is closed")
        number = next(self._numbers)
        question: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._questions[number] = question
        try:
            await self._socket.send_json({"type": kind, "id": number, **fields})
            answer = await asyncio.wait_for(question, ANSWER_S)
        except TimeoutError:
            raise PeerError("page", f"no answer to '{kind}' in {ANSWER_S:g} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise PeerError("page", f"'{kind}': {error}") from None
        finally:
            self._questions.pop(number, None)
        if answer["type"] == "error":
            text = answer.get("text") or {}
            raise Refused(str(answer.get("code")), str(text.get("en") or answer.get("code")))
        return answer

    async def signal(self, sdp: str) -> str:
        """Offer and answer; what `Client.connect` wants."""
        answer = await self.ask("offer", sdp=sdp)
        self.welcome["peer"] = answer.get("peer")
        return str(answer["sdp"])

    async def until(self, what: Callable[[dict[str, Any]], bool], timeout: float) -> bool:
        """Wait for a state of which `what` is true; False when time is up or the page closed."""
        end = asyncio.get_running_loop().time() + timeout
        while not (self.state and what(self.state)):
            left = end - asyncio.get_running_loop().time()
            if left <= 0 or self.closed:
                return False
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return False
        return True

    @property
    def closed(self) -> bool:
        """Whether the socket is closed or was never opened."""
        return self._socket is None or self._socket.closed

    async def ended(self) -> int:
        """Wait until the server (or we) closed the socket; its close code."""
        if self._reader is not None:
            await asyncio.wait([self._reader])
        return self.close_code or 1006

    async def close(self) -> None:
        """Close from our side."""
        if self._socket is not None and not self._socket.closed:
            await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            self.close_code = self._socket.close_code
            self._changed.set()
            said = str((self.bye.get("text") or {}).get("en") or self.bye.get("code") or "")
            error = PeerError("page", said or f"closed with {self.close_code}")
            waiting = [*self._questions.values(), *([self._welcomed] if self._welcomed else [])]
            for question in waiting:
                if not question.done():
                    question.set_exception(error)
                    question.exception()  # its asker may have gone already

    def _take(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "state":
                self.state = message
                self.states += 1
                self._changed.set()
                self.on_state(message)
            case "levels":
                self.levels = message.get("levels", {})
            case "welcome":
                if self._welcomed and not self._welcomed.done():
                    self._welcomed.set_result(message)
                elif message.get("media") == "renew":
                    self.on_renew()
            case "bye":
                self.bye = message
            case "answer" | "done" | "error":
                question = self._questions.get(message.get("id") or 0)
                if question is not None and not question.done():
                    question.set_result(message)


def socket_url(base: str, path: str) -> str:
    """`http://host:port` → `ws://host:port/path`. Raises `UserError`."""
    for http, ws in (("http://", "ws://"), ("https://", "wss://")):
        if base.startswith(http):
            return ws + base[len(http) :].rstrip("/") + path
    raise UserError("url", f"'{base}' is no address like http://localhost:8080")
