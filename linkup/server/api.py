"""`/api/v1/…` for pages and scripts; described for programs in `openapi.py`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from linkup import invite
from linkup.archive import index, playlist
from linkup.errors import UserError
from linkup.record import journal
from linkup.server import media_http, openapi
from linkup.server.auth import OPERATORS, REVIEWERS
from linkup.server.context import context

ROOT = "/api/v1"
MAX_PROBE_IN = 256 * 1024  # bytes
MAX_PROBE_OUT = 1024 * 1024
COMPRESS_FROM = 4096  # bytes; larger JSON is compressed, in a thread
PIECE_S = 30.0  # a client that takes no piece of a clip for this long is gone

_TYPES = {
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".mp4": "video/mp4",
    ".m4s": "video/mp4",
    ".mka": "audio/x-matroska",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}
# Nothing compresses well here: the check measures the line, not zlib.
_noise = os.urandom(64 * 1024)


def routes() -> list[web.RouteDef]:
    """All routes of the API."""
    one = ROOT + "/consultations/{id}"
    return [
        web.get(ROOT + "/openapi.json", describe),
        web.get(ROOT + "/consultations", consultations),
        web.get(one, consultation),
        web.get(one + "/program.m3u8", program),
        web.get(one + "/files/{path:.+}", file),
        web.get(one + "/clip", clip),
        web.get(one + "/journal", journal_lines),
        web.get(ROOT + "/status", status),
        web.get(ROOT + "/invitations", invitations),
        web.post(ROOT + "/invitations", new_invitation),
        web.post(ROOT + "/invitations/{jti}/revoke", revoke),
        web.get(ROOT + "/probe", probe_out),
        web.post(ROOT + "/probe", probe_in),
        web.post(ROOT + "/probe/media", media_http.probe),
    ]


# ---------------------------------------------------------------- the archive


async def consultations(request: web.Request) -> web.Response:
    """All consultations of this server's folder."""
    data = await _reviewer(request)
    return _json(await asyncio.to_thread(index.consultations, data))


async def consultation(request: web.Request) -> web.Response:
    """One of them with its tracks, chapters and events."""
    data = await _reviewer(request)
    return _json(await asyncio.to_thread(index.consultation, data, request.match_info["id"]))


async def program(request: web.Request) -> web.Response:
    """The whole program as HLS."""
    data = await _reviewer(request)
    text = await asyncio.to_thread(playlist.program, data, request.match_info["id"])
    return web.Response(
        text=text,
        headers={"Content-Type": "application/vnd.apple.mpegurl", "Cache-Control": "no-cache"},
    )


async def file(request: web.Request) -> web.StreamResponse:
    """A recording, whole or in ranges."""
    data = await _reviewer(request)
    identifier, name = request.match_info["id"], request.match_info["path"]
    found = await asyncio.to_thread(index.file, data, identifier, name)
    return _file(found, f"{identifier}-{name.replace('/', '-')}", "download" in request.query)


async def journal_lines(request: web.Request) -> web.StreamResponse:
    """The journal as it is on disk: JSON lines, each with the hash of the one before."""
    data = await _reviewer(request)
    identifier = request.match_info["id"]
    found = await asyncio.to_thread(index.file, data, identifier, journal.NAME)
    return _file(found, f"{identifier}-{journal.NAME}", "download" in request.query)


async def clip(request: web.Request) -> web.StreamResponse:
    """One site from one moment on, streamed while it is read."""
    from linkup.archive import clips  # brings FFmpeg along, which nothing else here needs

    data = await _reviewer(request)
    query = request.query
    site, start = query.get("site", ""), _moment(query.get("from"), "from")
    until = _moment(query["to"], "to") if "to" in query else None
    if start is None or (until is not None and until <= start):
        raise UserError("clip-times", "'from' and 'to' are UTC milliseconds, from before to.")
    found = await asyncio.to_thread(clips.find, data, request.match_info["id"], site, start, until)
    response = web.StreamResponse(
        headers={"Content-Type": found.content_type, "Cache-Control": "no-store"}
    )
    _offer_download(response, found.file_name, "download" in query)
    await _pour(request, response, found.stream())
    return response


async def _pour(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> None:
    """Send pieces as fast as the client takes them; a client that is gone ends the making."""
    async with aclosing(pieces) as all_:  # type: ignore[type-var]
        first = await anext(all_, b"")  # what cannot be made is refused before anything is sent
        await response.prepare(request)
        await _give(response, first)
        async for piece in all_:
            await _give(response, piece)
        await response.write_eof()


async def _give(response: web.StreamResponse, piece: bytes) -> None:
    try:
        async with asyncio.timeout(PIECE_S):
            await response.write(piece)
    except TimeoutError:
        raise ConnectionResetError("the client takes nothing") from None


# ---------------------------------------------------------------- operators' scripts


async def status(request: web.Request) -> web.Response:
    """What the console's state says."""
    shared = context(request)
    await shared.doorkeeper.admit(request, OPERATORS)
    return _json(shared.studio.console_view(None))


class NewInvitation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST invitations`."""

    role: str
    site: str | None = None
    hours: Annotated[float, msgspec.Meta(gt=0)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def new_invitation(request: web.Request) -> web.Response:
    """Sign a link."""
    shared = context(request)
    visitor = await shared.doorkeeper.admit(request, OPERATORS)
    try:
        wanted = msgspec.json.decode(await request.read(), type=NewInvitation)
    except msgspec.MsgspecError as error:
        raise UserError("bad-message", f"The body was not understood: {error}") from None
    made = invite.make(
        shared.place.data, shared.settings, wanted.role, wanted.site, wanted.hours, wanted.name
    )
    await shared.store.add_invitation(made.row(visitor.user))
    shown = {"token": made.token, "url": made.url, "jti": made.jti, "expires": made.expires}
    return _json(shown, 201)


async def invitations(request: web.Request) -> web.Response:
    """Those that have not expired, without their tokens."""
    shared = context(request)
    await shared.doorkeeper.admit(request, OPERATORS)
    return _json(await shared.store.invitations())


async def revoke(request: web.Request) -> web.Response:
    """Let a link count no more, at once."""
    shared = context(request)
    visitor = await shared.doorkeeper.admit(request, OPERATORS)
    jti = invite.identifier(request.match_info["jti"])
    await shared.store.revoke(jti, visitor.user)
    await shared.doorkeeper.look_again()
    return _json({"revoked": jti})


# ---------------------------------------------------------------- the network check


async def probe_out(request: web.Request) -> web.Response:
    """So many bytes, for measuring the line down."""
    try:
        count = int(request.query.get("bytes", "0"))
    except ValueError:
        count = -1
    if not 0 <= count <= MAX_PROBE_OUT:
        raise UserError("bytes", f"'bytes' is a number from 0 to {MAX_PROBE_OUT}.")
    body = (_noise * (count // len(_noise) + 1))[:count]
    return web.Response(
        body=body,
        headers={"Content-Type": "application/octet-stream", "Cache-Control": "no-store"},
    )


async def probe_in(request: web.Request) -> web.Response:
    """How many bytes came, for measuring the line up."""
    length = 0
    async for piece in request.content.iter_any():
        length += len(piece)
        if length > MAX_PROBE_IN:
            raise UserError("too-large", f"At most {MAX_PROBE_IN} bytes.")
    return _json({"bytes": length})


async def describe(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return _json(openapi.document())


# ---------------------------------------------------------------- inside


async def _reviewer(request: web.Request) -> Path:
    """The data folder, for those who may see the archive."""
    shared = context(request)
    await shared.doorkeeper.admit(request, REVIEWERS)
    return shared.place.data


def _json(value: Any, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    response = web.Response(
        status=status,
        body=body,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
        zlib_executor_size=COMPRESS_FROM,
    )
    if len(body) >= COMPRESS_FROM:  # hours of chapters and events
        response.enable_compression()
    return response


def _file(found: Path, name: str, download: bool) -> web.FileResponse:
    kind = _TYPES.get(found.suffix, "application/octet-stream")
    # A recording still grows, so a browser asks each time whether it did.
    response = web.FileResponse(
        found, headers={"Content-Type": kind, "Cache-Control": "private, no-cache"}
    )
    _offer_download(response, name, download)
    return response


def _offer_download(response: web.StreamResponse, name: str, download: bool) -> None:
    if download:
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"


def _moment(text: str | None, name: str) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        raise UserError("clip-times", f"'{name}' is a time in UTC milliseconds.") from None
