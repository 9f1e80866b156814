"""WHIP (RFC 9725) in, WHEP (draft-ietf-wish-whep) out, and the media check of the join page.

OBS, FFmpeg, GStreamer and hardware encoders each read the drafts in their own way, so: slashes at
the end, parameters of the content type and missing trickle are all fine. What is refused is
refused with a sentence, since encoders show it to people.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from linkup.errors import BusyError, ConflictError, MissingError, UserError
from linkup.messages import PROGRAM
from linkup.server.auth import OPERATORS, PARTNERS, PUBLISHERS, Visitor
from linkup.server.context import Context, context

MAX_SDP = 200_000  # bytes
BODY_S = 10.0  # an offer must have arrived after this time
PROBE_S = 10.0
PROBES_AT_ONCE = 20
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Post, Accept-Patch",
}
PROBES = web.AppKey("probes", set[str])


def routes() -> list[web.RouteDef]:
    """All routes, with and without a slash at the end."""
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.post("/whip/{site}" + slash, whip),
            web.post("/whep/{feed}" + slash, whep),
        ]
        for place in ("/whip/{site}", "/whep/{feed}"):
            found += [
                web.options(place + slash, options),
                web.options(place + "/{peer}" + slash, options),
                web.delete(place + "/{peer}" + slash, end),
                web.patch(place + "/{peer}" + slash, trickle),
            ]
    return found


async def whip(request: web.Request) -> web.Response:
    """An encoder publishes as a site."""
    shared = context(request)
    site = request.match_info["site"]
    visitor = await shared.doorkeeper.admit(request, PUBLISHERS, site)
    if shared.settings.site(site) is None:
        raise MissingError("no-such-site", f"There is no site '{site}'.")
    offer = await read_offer(request)
    opened = await shared.studio.offer("whip", site, offer, publishes=site)
    return _created(shared, visitor, f"/whip/{site}", opened.peer, opened.answer)


async def whep(request: web.Request) -> web.Response:
    """A player or another server takes a feed."""
    shared = context(request)
    feed = request.match_info["feed"]
    roles = PARTNERS if feed == PROGRAM else OPERATORS
    visitor = await shared.doorkeeper.admit(request, roles)
    if feed != PROGRAM and shared.settings.site(feed) is None:
        raise MissingError("no-such-site", f"There is no feed '{feed}'.")
    offer = await read_offer(request)
    opened = await shared.studio.offer("whep", visitor.user, offer, watches=feed)
    return _created(shared, visitor, f"/whep/{feed}", opened.peer, opened.answer)


async def end(request: web.Request) -> web.Response:
    """DELETE: the encoder or player is done."""
    shared, peer = await _owned(request)
    shared.peers.close(peer, "ended by its client")
    return web.Response(status=200, headers=_CORS)


async def trickle(request: web.Request) -> web.Response:
    """PATCH: candidates are read and not needed, since the server learns them from the checks."""
    await _owned(request)
    if request.content_type != FRAGMENT:
        raise UserError("sdp-type", f"Candidates come as {FRAGMENT}.")
    if "a=ice-ufrag" in (text := await _text(request)) and request.headers.get("If-Match") == "*":
        # RFC 9725 §4.3.2: a restart is asked for by If-Match "*" and new credentials.
        raise ConflictError("ice-restart", f"No ICE restart ({len(text)} bytes): connect again.")
    return web.Response(status=204, headers=_CORS)


async def options(request: web.Request) -> web.Response:
    """What may be posted here; also the preflight of pages elsewhere."""
    peer = "peer" in request.match_info
    methods = "DELETE, PATCH, OPTIONS" if peer else "POST, OPTIONS"
    accepts = {"Accept-Patch": FRAGMENT} if peer else {"Accept-Post": SDP}
    return web.Response(
        status=204,
        headers={
            **_CORS,
            **accepts,
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
            "Access-Control-Max-Age": "86400",
        },
    )


async def probe(request: web.Request) -> web.Response:
    """POST /api/v1/probe/media: does media pass? Closed after ten seconds."""
    shared = context(request)
    visitor = await shared.doorkeeper.admit(request, PUBLISHERS)
    running = request.config_dict[PROBES]
    if len(running) >= PROBES_AT_ONCE:
        raise BusyError("busy", "Too many checks at the same time.")
    offer = await read_offer(request)
    opened = await shared.studio.offer("viewer", visitor.user, offer)
    running.add(opened.peer)

    def close() -> None:
        running.discard(opened.peer)
        shared.peers.close(opened.peer, "the check is over")

    shared.peers.opened(opened.peer, visitor)
    asyncio.get_running_loop().call_later(PROBE_S, close)
    return web.Response(text=opened.answer, content_type=SDP)


async def read_offer(request: web.Request) -> str:
    """The SDP in the body. Raises `UserError`."""
    if request.content_type.lower() != SDP:
        raise UserError("sdp-type", f"Send the offer as {SDP}, not {request.content_type}.")
    text = await _text(request)
    if not text.startswith("v=0"):
        raise UserError("sdp", "The body is no SDP: it does not begin with v=0.")
    return text


async def _text(request: web.Request) -> str:
    if (request.content_length or 0) > MAX_SDP:
        raise UserError("too-large", f"An SDP has at most {MAX_SDP} bytes.")
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.content.read(MAX_SDP + 1)
            while not request.content.at_eof() and len(body) <= MAX_SDP:
                body += await request.content.read(MAX_SDP + 1 - len(body))
    except TimeoutError:
        raise UserError("sdp", "The offer did not arrive in time.") from None
    if len(body) > MAX_SDP:
        raise UserError("too-large", f"An SDP has at most {MAX_SDP} bytes.")
    try:
        return body.decode("utf-8").lstrip("\ufeff \r\n")
    except UnicodeDecodeError:
        raise UserError("sdp", "The body is no SDP: it is not text.") from None


def _created(shared: Context, visitor: Visitor, place: str, peer: str, answer: str) -> web.Response:
    shared.peers.opened(peer, visitor, place)
    return web.Response(
        status=201,
        body=answer.encode(),
        content_type=SDP,
        headers={
            **_CORS,
            "Location": f"{place}/{peer}",
            "ETag": f'"{peer}"',
            "Accept-Patch": FRAGMENT,
        },
    )


async def _owned(request: web.Request) -> tuple[Context, str]:
    """The peer of this resource, if this visitor may end it."""
    shared = context(request)
    found = request.match_info
    peer = found["peer"]
    if "site" in found:
        await shared.doorkeeper.admit(request, PUBLISHERS, found["site"])
        place = f"/whip/{found['site']}"
    else:
        await shared.doorkeeper.admit(request, PARTNERS if found["feed"] == PROGRAM else OPERATORS)
        place = f"/whep/{found['feed']}"
    if not shared.peers.may_end(peer, place):
        raise MissingError("no-such-peer", "This connection has ended, or never was.")
    return shared, peer
