"""HLS as the program process wrote it: playlists always fresh, segments for ever."""

from __future__ import annotations

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
    identifier = request.match_info["consultation"]
    if identifier != shared.settings.consultation.id:
        raise MissingError("no-consultation", "There is no such consultation here.")
    file = inside(shared.place.live_hls(identifier), request.match_info["name"])
    kind = _TYPES.get(file.suffix) if file is not None else None
    if file is None or kind is None:
        raise web.HTTPNotFound(headers=_CORS)
    shared.viewers.fetched(request.remote or "")
    # A segment's name is never used again. A day is longer than any window.
    kept = "no-cache" if file.suffix == PLAYLIST else "public, max-age=86400, immutable"
    return web.FileResponse(file, headers={**_CORS, "Content-Type": kind, "Cache-Control": kept})


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
