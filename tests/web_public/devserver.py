"""A small server that speaks the documented interface of linkup to the public pages.

It plays real media (see `footage`), and its consultations are the stories of `stories`. Tests
hold the object and change `phase`, `viewers` … while pages are open; `python -m
tests.web_public.devserver` serves the same for looking at the pages by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import WSMsgType, web

from linkup.server.words import SENTENCES

from .footage import SEGMENT_S, Footage
from .shells import Told, shell
from .stories import MORE, PEOPLE, TITLE, Story

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "web" / "dist"
Phase = Literal["before", "live", "slate", "interrupted", "ended"]
WINDOW = 30  # segments that a viewer can go back
HEAD_START = 20  # segments that exist when the server starts
HEAD = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
INDEX = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="program",DEFAULT=YES,AUTOSELECT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=480x270,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="sound"
video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=80000,CODECS="mp4a.40.2",AUDIO="sound"
audio.m3u8
"""


@dataclass
class DevServer:
    """Serves on a port of loopback; `stop` and `start` take it away and bring it back there."""

    footage: Footage
    phase: Phase = "live"
    viewers: int = 1284
    user: str | None = None
    denied: bool = False  # the archive wants a sign-in
    port: int = 0
    dist: Path = DIST
    stories: dict[str, Story] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begun = time.time() - HEAD_START * SEGMENT_S
        self.speaking = [{"name": "王芳", "title": "教师", "site": "育才学校分会场"}]
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        hour = 1_795_224_600_000  # 21 November 2026, 01:30 UTC
        for story in (
            Story("river-2026", int(self.begun * 1000), 40, PEOPLE, live=True),
            Story("budget-2026", hour, self.footage.seconds, PEOPLE),
            Story("busy-2026", hour, 7200, PEOPLE + MORE, shot_s=75),
            Story("empty-2026", int(self.begun * 1000), 0, [], live=True),
        ):
            self.stories[story.id] = story
        self.stories["empty-2026"].tracks = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for socket in list(self._sockets):
            await socket.close(code=1012)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def tell(self) -> None:
        """Send the present state to every viewer page."""
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):
                await socket.send_json(self.watch_state())

    def watch_state(self) -> dict[str, Any]:
        live = self.phase in ("live", "slate")
        return {
            "type": "state",
            "live": live,
            "live_since": int(self.begun * 1000) if self.phase != "before" else None,
            "title": TITLE,
            "speaking": self.speaking if self.phase == "live" else [],
            "viewers": self.viewers,
            "slate": self.phase == "slate",
        }

    # ------------------------------------------------------------------ routes

    def _routes(self) -> list[web.RouteDef]:
        api = "/api/v1/consultations"
        return [
            web.get("/", self._home),
            web.get("/sign-in", self._sign_in),
            web.post("/sign-in", self._signed_in),
            web.get("/message/{code}", self._message),
            web.get("/watch/{id}", self._watch),
            web.get("/review/{id}", self._review),
            web.get("/ws/watch/{id}", self._watch_socket),
            web.get("/hls/{id}/{name}", self._hls),
            web.get(api, self._list),
            web.get(api + "/{id}", self._one),
            web.get(api + "/{id}/program.m3u8", self._program),
            web.get(api + "/{id}/media/{name}", self._media),
            web.get(api + "/{id}/clip", self._clip),
            web.get(api + "/{id}/journal", self._journal),
            web.get(api + "/{id}/files/{path:.+}", self._file),
            web.get("/static/{name:.+}", self._static),
        ]

    def _page(
        self, request: web.Request, page: str, told: Told | None = None, **boot: Any
    ) -> web.Response:
        language = request.query.get("lang", "zh")
        known: dict[str, Any] = {
            "page": page,
            "language": language,
            "languages": ["zh", "en"],
            "version": "0.1.0",
        }
        known["consultation"] = {"id": "river-2026", "title": TITLE}
        html = shell(page, {**known, **boot}, self.dist, told)
        return web.Response(text=html, content_type="text/html")

    async def _home(self, request: web.Request) -> web.Response:
        return self._page(
            request, "home", user=self.user, live=self.phase == "live", watch="/watch/river-2026"
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        return self._page(request, "sign-in")

    async def _signed_in(self, request: web.Request) -> web.Response:
        said = SENTENCES["sign-in-wrong"]
        return self._page(request, "sign-in", Told("sign-in-wrong", said.title, said.text))

    async def _message(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        return self._page(
            request, "message", Told(code, SENTENCES[code].title, SENTENCES[code].text)
        )

    async def _watch(self, request: web.Request) -> web.Response:
        identifier = request.match_info["id"]
        return self._page(request, "watch", hls=f"/hls/{identifier}/index.m3u8")

    async def _review(self, request: web.Request) -> web.Response:
        identifier = request.match_info["id"]
        story = self.stories.get(identifier)
        title = story.title if story else {"zh": identifier, "en": identifier}
        consultation = {"id": identifier, "title": title}
        return self._page(request, "review", user="anna", consultation=consultation)

    async def _watch_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=10)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await socket.send_json(self.watch_state())
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._sockets.discard(socket)
        return socket

    # ------------------------------------------------------------------ media

    async def _hls(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == "index.m3u8":
            if self.phase == "before":
                raise web.HTTPNotFound
            return _playlist(INDEX)
        kind = name.removesuffix(".m3u8")
        if kind in ("video", "audio") and name.endswith(".m3u8"):
            return _playlist("\n".join(self._live_lines(kind)) + "\n")
        return self._media_file(name)

    def _live_lines(self, kind: str) -> list[str]:
        """The window of one rendition; the footage is played round and round."""
        count = self.footage.segments
        newest = int((time.time() - self.begun) / SEGMENT_S)
        first = max(0, newest - WINDOW)
        lines = [*HEAD, f"#EXT-X-TARGETDURATION:{SEGMENT_S}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{max(0, first - 1) // count}")
        lines.append(f'#EXT-X-MAP:URI="{kind}-init.mp4"')
        for number in range(first, newest):
            if number % count == 0 and number:
                lines.append("#EXT-X-DISCONTINUITY")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_iso(self.begun + number * SEGMENT_S)}")
            lines.append(f"#EXTINF:{SEGMENT_S:.6f},")
            lines.append(f"{kind}-{number % count:03d}.m4s")
        return [*lines, "#EXT-X-ENDLIST"] if self.phase == "ended" else lines

    async def _program(self, request: web.Request) -> web.StreamResponse:
        story = self._story(request)
        if not story.tracks:
            raise web.HTTPNotFound
        begun = story.started / 1000
        length = time.time() - begun if story.live else story.seconds
        lines = [*HEAD, f"#EXT-X-TARGETDURATION:{SEGMENT_S}", "#EXT-X-MEDIA-SEQUENCE:0"]
        lines.append(f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if story.live else 'VOD'}")
        section = f'#EXT-X-MAP:URI="media/program.m4s",BYTERANGE="{self.footage.recording_map()}"'
        ranges = self.footage.recording_lines()
        for number in range(int(length / SEGMENT_S)):
            if number % len(ranges) == 0:
                lines += ["#EXT-X-DISCONTINUITY", section] if number else [section]
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_iso(begun + number * SEGMENT_S)}")
            lines += [*ranges[number % len(ranges)], "media/program.m4s"]
        end = [] if story.live else ["#EXT-X-ENDLIST"]
        return _playlist("\n".join([*lines, *end]) + "\n")

    async def _media(self, request: web.Request) -> web.StreamResponse:
        return self._media_file(request.match_info["name"])

    def _media_file(self, name: str) -> web.StreamResponse:
        path = self.footage.folder / Path(name).name
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": "video/mp4"})

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        story = self._story(request)
        self.requests.append(request.path_qs)
        second = (int(request.query["from"]) - story.started) // 1000  # a key frame every second
        at, begun = second % self.footage.seconds, story.started + second * 1000
        process = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-nostdin", "-loglevel", "error", "-stream_loop", "20", "-ss", str(at)),
            *("-i", str(self.footage.folder / "site.webm"), "-c", "copy"),
            *("-metadata", f"creation_time={_iso(begun / 1000)}", "-f", "webm", "pipe:1"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        response = web.StreamResponse(headers={"Content-Type": "video/webm"})
        await response.prepare(request)
        try:
            while block := await process.stdout.read(65536):
                await response.write(block)
        except ConnectionError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return response

    # ------------------------------------------------------------------ archive

    def _story(self, request: web.Request) -> Story:
        story = self.stories.get(request.match_info["id"])
        if story is None:
            error = {"code": "not-found", "text": {"zh": "没有这场协商会。", "en": "Not found."}}
            raise web.HTTPNotFound(
                text=json.dumps({"error": error}), content_type="application/json"
            )
        return story

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([story.summary() for story in self.stories.values()])

    async def _one(self, request: web.Request) -> web.Response:
        if self.denied:
            raise web.HTTPUnauthorized
        return web.json_response(self._story(request).whole())

    async def _journal(self, request: web.Request) -> web.Response:
        lines = "".join(json.dumps(event) + "\n" for event in self._story(request).events)
        return web.Response(text=lines, content_type="application/x-ndjson")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self.footage.folder / "site.webm")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        path = self.dist / request.match_info["name"]
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)


def _playlist(text: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=text, content_type="application/vnd.apple.mpegurl", headers=headers)


def _iso(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
