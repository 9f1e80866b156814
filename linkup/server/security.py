"""Headers that keep a page to itself, and the check that a request comes from our own pages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from linkup.errors import DeniedError
from linkup.server.context import context

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

# What of ours may stand in somebody else's frame: the viewer's page, for streaming partners.
_FRAMED = "/watch/"


async def headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the same headers on everything that leaves."""
    given = response.headers
    given["Server"] = "linkup"  # no versions
    given.setdefault("X-Content-Type-Options", "nosniff")
    given.setdefault("Referrer-Policy", "no-referrer")  # join links carry their token in the path
    if response.content_type != "text/html":
        given.setdefault("Content-Security-Policy", "default-src 'none'; sandbox")
        return
    framed = request.path.startswith(_FRAMED)
    given.setdefault("Content-Security-Policy", _policy(request.host, framed))
    given.setdefault(
        "Permissions-Policy",
        "camera=(self), microphone=(self), geolocation=(), display-capture=(), payment=(), usb=()",
    )
    given.setdefault("Cache-Control", "no-store")
    if not framed:
        given.setdefault("X-Frame-Options", "DENY")


def _policy(host: str, framed: bool) -> str:
    # Older Safari does not take 'self' for WebSockets.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # the player's web components carry their style
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {'*' if framed else chr(39) + 'none' + chr(39)}",
        )
    )


@web.middleware
async def behind_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Takes the client's address from our own proxy.

    Only a proxy on this machine is believed, and only when `public_url` says that there is one.
    """
    if request.remote in ("127.0.0.1", "::1") and context(request).settings.server.public_url:
        # The last one is what the proxy itself saw; those before it the client may have made up.
        named = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        if named:
            request = request.clone(remote=named[:64])
    return await handler(request)


@web.middleware
async def own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what another web site makes a browser send: changes, and WebSockets.

    A Bearer token is not something that a browser sends by itself, so such requests pass. A
    program that is no browser sends neither of the headers and has no cookie of ours to abuse.
    """
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if (request.method in _SAFE and not upgrade) or bearer or _own(request):
        return await handler(request)
    raise DeniedError("foreign-origin", "The request came from another web site.")


def _own(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    known = {request.host.lower()}
    public = context(request).settings.server.public_url
    if public:  # a proxy in front may change Host
        known.add(urlsplit(public).netloc.lower())
    return urlsplit(origin).netloc.lower() in known
