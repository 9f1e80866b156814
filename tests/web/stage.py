"""A small server that plays linkup's part for the branch page and the console.

It speaks docs/protocol.md, holds one state a page, does what a console asks in the simplest way,
and remembers every message that it got.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from tests.web import states

DIST = Path(__file__).resolve().parents[2] / "web" / "dist"
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>linkup</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/{style}">
<script type="application/json" id="boot">{boot}</script>
<script type="module" src="/static/{script}"></script></head>
<body><div id="app"></div></body></html>"""


class Stage:
    """Serves on a port of loopback from a thread of its own; use it as a context."""

    def __init__(self) -> None:
        self.site = states.site_state()
        self.console = states.console_state()
        self.received: list[dict[str, Any]] = []
        self.refuse: dict[str, dict[str, str]] = {}  # request type → text of the refusal
        self.peers: set[str] = set()
        self.media_passes = True
        self.port = 0
        self._begun = time.monotonic()
        self._sockets: dict[web.WebSocketResponse, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._before: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Stage:
        self._thread.start()
        self._wait(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ------------------------------------------------------------ what tests do

    def push(self) -> None:
        """Send every page its state again."""
        self._wait(self._push())

    def levels(self, levels: dict[str, int]) -> None:
        self._wait(self._tell({"type": "levels", "levels": levels}))

    def hang_up(self, code: int) -> None:
        """Close every page's line."""
        self._wait(self._close(code))

    def say_goodbye(self, code: str, zh: str, en: str) -> None:
        self._wait(self._tell({"type": "bye", "code": code, "text": {"zh": zh, "en": en}}))

    def got(self, kind: str) -> list[dict[str, Any]]:
        """Every message of this type so far, without its id."""
        return [
            {key: value for key, value in each.items() if key not in ("id", "type")}
            for each in self.received
            if each["type"] == kind
        ]

    # ------------------------------------------------------------ inside

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 20)
        app.add_routes([
            web.get("/join/{token}", self._page("join")),
            web.get("/console", self._page("console")),
            web.static("/static", DIST),
            web.get("/ws/site", self._line),
            web.get("/ws/console", self._line),
            web.get("/api/v1/probe", self._probe_down),
            web.post("/api/v1/probe", self._probe_up),
            web.post("/api/v1/probe/media", self._probe_media),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._close(1001)
        if self._runner:
            await self._runner.cleanup()

    def _page(self, name: str) -> Any:
        async def page(request: web.Request) -> web.Response:
            manifest = json.loads((DIST / "manifest.json").read_text())
            language = request.query.get("lang", "zh")
            boot = {
                "page": name, "language": language, "languages": ["zh", "en"],
                "version": "0", "consultation": self.console["consultation"],
                "user": "anna", "token": "t", "site": self.site["site"],
            }  # fmt: skip
            text = PAGE.format(
                lang=language,
                boot=json.dumps(boot),
                script=manifest[f"{name}.js"],
                style=manifest[f"{name}.css"],
            )
            return web.Response(text=text, content_type="text/html")

        return page

    async def _probe_down(self, request: web.Request) -> web.Response:
        return web.Response(body=bytes(int(request.query["bytes"])))

    async def _probe_up(self, request: web.Request) -> web.Response:
        return web.json_response({"bytes": len(await request.read())})

    async def _probe_media(self, request: web.Request) -> web.Response:
        if not self.media_passes:
            raise web.HTTPServiceUnavailable
        return web.Response(text="v=0", content_type="application/sdp")

    async def _line(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[socket] = request.path
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                break
            asked = json.loads(message.data)
            self.received.append(asked)
            await self._answer(socket, request.path, asked)
        self._sockets.pop(socket, None)
        return socket

    async def _answer(
        self, socket: web.WebSocketResponse, path: str, asked: dict[str, Any]
    ) -> None:
        kind = asked["type"]
        if kind in self.refuse:
            told = {"type": "error", "id": asked.get("id"), "code": "no", "text": self.refuse[kind]}
            return await self._send(socket, told)
        if kind == "hello":
            known = asked.get("peer")
            media = "new" if not known else "keep" if known in self.peers else "renew"
            told = {"type": "welcome", "peer": known or "", "media": media}
            await self._send(socket, told | {"user": "anna", "device": "d"})
            return await self._push()
        if kind == "offer":
            peer = f"p{len(self.peers) + 1}"
            self.peers.add(peer)
            told = {"type": "answer", "id": asked["id"], "peer": peer, "sdp": "v=0"}
            return await self._send(socket, told | {"video": [], "audio": []})
        if path == "/ws/console":
            self._do(kind, asked)
        elif kind == "hand":
            self.site.update(hand=asked["raised"], place=2 if asked["raised"] else None)
        elif kind == "main":
            self.site["main"] = asked["show"]
        if "id" in asked:
            await self._send(socket, {"type": "done", "id": asked["id"]})
        if kind != "report":
            await self._push()

    def _do(self, kind: str, asked: dict[str, Any]) -> None:
        """What an operator asks for, without any rules."""
        state = self.console
        if kind == "preview":
            state["preview"].update(
                {k: asked[k] for k in ("layout", "sites", "strip") if k in asked}
            )
        elif kind == "take":
            self._before = dict(state["on_air"])
            state["on_air"].update(state["preview"], since=states.NOW, by="anna")
        elif kind == "undo":
            state["on_air"].update(self._before)
        elif kind in ("slate", "automatic"):
            state[kind] = asked["on"]
        elif kind == "strip":
            state["on_air"]["strip"] = asked["strip"]
        for site in state["sites"]:
            if site["id"] != asked.get("site"):
                continue
            if kind == "mute":
                site["muted"] = asked["muted"]
            elif kind == "note":
                site["note"] = asked["text"] or None
            elif kind == "lower_hand":
                site["hand"] = None
        states.retally(state)

    async def _push(self) -> None:
        self.console["now"] = states.NOW + int((time.monotonic() - self._begun) * 1000)
        for socket, path in list(self._sockets.items()):
            state = self.site if path == "/ws/site" else self.console
            await self._send(socket, {"type": "state"} | state)

    async def _tell(self, message: dict[str, Any]) -> None:
        for socket in list(self._sockets):
            await self._send(socket, message)

    async def _close(self, code: int) -> None:
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):
                await socket.close(code=code)

    async def _send(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):
            await socket.send_str(json.dumps(message))
