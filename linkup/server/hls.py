"""HLS as the program process wrote it: playlists always fresh, segments for ever."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from linkup.errors import MissingError
from linkup.server.assets import inside
from linkup.server.context import context

_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/mp4",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}
PLAYLIST = ".m3u8"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Date, Content-Length, Content-Range",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def routes() -> list[web.RouteDef]:
    """All routes of live HLS."""
    return [
        web.get("/hls/{consultation}/{name:.+}", serve),
        web.options("/hls/{consultation}/{name:.+}", preflight),
    ]


async def serve(request: web.Request) -> web.StreamResponse:
    """A playlist or a segment of the running consultation."""
    shared = context(request)
    identifier, name = request.match_info["consultation"], request.match_info["name"]
    if identifier != shared.settings.consultation.id:
        raise MissingError("no-consultation", "There is no such consultation here.")
    shared.viewers.fetched(request.remote or "")
    folder = shared.place.live_hls(identifier)
    if name.endswith(PLAYLIST):
        return await _playlist(request, folder, name)
    file = inside(folder, name)
    kind = _TYPES.get(file.suffix) if file is not None else None
    if file is None or kind is None:
        raise web.HTTPNotFound(headers=_CORS)
    # A segment's name is never used again. A day is longer than any window.
    headers = {**_CORS, "Content-Type": kind, "Cache-Control": "public, max-age=86400, immutable"}
    return web.FileResponse(file, headers=headers)


async def _playlist(request: web.Request, folder: Path, name: str) -> web.Response:
    kept = await request.config_dict[PLAYLISTS].get(folder, name)
    if kept is None:
        raise web.HTTPNotFound(headers=_CORS)
    headers = {
        **_CORS,
        "Content-Type": _TYPES[PLAYLIST],
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=kept.packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=kept.plain, headers=headers)


@dataclass(frozen=True, slots=True)
class Kept:
    """A playlist as it was at `changed` (ns) on disk."""

    file: Path
    changed: int
    plain: bytes
    packed: bytes


class Playlists:
    """Each playlist is read and compressed once a change, however many players ask for it.

    The one of a window of half an hour has 60 kB and is asked for every two seconds by every
    viewer; compressed it has a tenth of that.
    """

    MOST = 32

    def __init__(self) -> None:
        self._kept: dict[tuple[Path, str], Kept] = {}
        self._reading = asyncio.Lock()

    async def get(self, folder: Path, name: str) -> Kept | None:
        """The playlist as it is now; None when there is none."""
        key = (folder, name)
        if (kept := self._fresh(key)) is not None:
            return kept
        async with self._reading:
            if (kept := self._fresh(key)) is not None:
                return kept
            self._kept.pop(key, None)
            file = inside(folder, name)
            kept = await asyncio.to_thread(_read, file) if file is not None else None
            if kept is not None:
                while len(self._kept) >= self.MOST:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[key] = kept
            return kept

    def _fresh(self, key: tuple[Path, str]) -> Kept | None:
        kept = self._kept.get(key)
        with contextlib.suppress(OSError):
            if kept is not None and kept.file.stat().st_mtime_ns == kept.changed:
                return kept
        return None


PLAYLISTS = web.AppKey("playlists", Playlists)


def _read(file: Path) -> Kept | None:
    try:
        changed = file.stat().st_mtime_ns  # before reading: a later change is then seen
        plain = file.read_bytes()
    except OSError:
        return None
    return Kept(file, changed, plain, gzip.compress(plain, 5, mtime=0))


async def preflight(_request: web.Request) -> web.Response:
    """CORS: any page may play it."""
    return web.Response(
        status=204,
        headers={
            **_CORS,
            "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": "Range",
            "Access-Control-Max-Age": "86400",
        },
    )
