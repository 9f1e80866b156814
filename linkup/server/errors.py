"""The one boundary where errors become answers: a status, JSON, a sentence, or a page."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from linkup.errors import (
    BusyError,
    ConflictError,
    DeniedError,
    LinkupError,
    MissingError,
    PeerError,
    UserError,
)
from linkup.server import words
from linkup.server.words import Words

log = structlog.get_logger()

# Whose fault it is → status; a code may say it better.
_BY_CLASS: tuple[tuple[type[LinkupError], int], ...] = (
    (DeniedError, 401),
    (MissingError, 404),
    (ConflictError, 409),
    (BusyError, 503),
    (PeerError, 400),
    (UserError, 400),
)
_BY_CODE = {
    "token-other-consultation": 403,
    "token-role": 403,
    "token-site-gone": 403,
    "foreign-origin": 403,
    "too-many-attempts": 429,
    "sdp-type": 415,
    "too-large": 413,
}
_GONE = frozenset({"token-expired", "token-revoked"})  # 410 for a page, 401 for a program
_HTTP_CODES = {404: "not-found", 405: "not-allowed-method", 413: "too-large"}


@dataclass(frozen=True, slots=True)
class Explained:
    """An error as its receiver gets it."""

    status: int
    code: str
    title: Words
    text: Words
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, object]:
        """The `error` object of the API."""
        return {"error": {"code": self.code, "text": self.text}}


def explain(error: BaseException) -> Explained:
    """Status, code and words of any error. Unknown ones become 500 without any detail."""
    if isinstance(error, LinkupError):
        status = _BY_CODE.get(error.code) or next(
            (status for kind, status in _BY_CLASS if isinstance(error, kind)), 500
        )
        return _explained(status, error.code, error.message)
    if isinstance(error, web.HTTPException):
        code = _HTTP_CODES.get(error.status, "http-" + str(error.status))
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _explained(error.status, code, error.reason, headers)
    return _explained(500, "internal", "")


def _explained(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Explained:
    headers = dict(headers or {})
    if status == 401:
        known = code in _GONE or code == "token-wrong"
        headers["WWW-Authenticate"] = "Bearer" + (' error="invalid_token"' if known else "")
    elif status in (429, 503):
        headers["Retry-After"] = "60" if status == 429 else "2"
    sentence = words.SENTENCES.get(code)
    general = words.GENERAL.get(status, words.GENERAL[500])
    if sentence is None:
        text = {"zh": general["zh"], "en": message or general["en"]}
        return Explained(status, code, general, text, headers)
    text = dict(sentence.text)
    if code in ("bad-message", "sdp", "codec") and message:
        text["en"] = message  # says where and what
    return Explained(status, code, sentence.title, text, headers)


def json_response(told: Explained) -> web.Response:
    """The API's answer."""
    return web.Response(
        status=told.status,
        body=msgspec.json.encode(told.json()),
        content_type="application/json",
        headers=told.headers,
    )


def plain_response(told: Explained) -> web.Response:
    """The answer to an encoder or a player: a code and a sentence to be shown as they are."""
    return web.Response(
        status=told.status, text=f"{told.code}: {told.text['en']}\n", headers=told.headers
    )


def page_response(request: web.Request, told: Explained) -> web.Response:
    """A page that says it in words."""
    from linkup.server.pages import message_page

    status = 410 if told.code in _GONE else told.status
    return message_page(request, told, status)


@web.middleware
async def boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Translates every error of a handler."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return answer(request, explain(error))
    except LinkupError as error:
        return answer(request, explain(error))
    except (ConnectionError, TimeoutError):
        raise  # the other side is gone: there is nobody to answer
    except Exception:
        log.exception("request failed", method=request.method, route=route_of(request))
        return answer(request, explain(RuntimeError()))


def answer(request: web.Request, told: Explained) -> web.StreamResponse:
    """In the form that this kind of client reads."""
    path = request.path
    if path.startswith(("/api/", "/healthz", "/readyz", "/metrics")):
        return json_response(told)
    if path.startswith(("/whip/", "/whep/", "/hls/", "/static/", "/ws/")):
        return plain_response(told)
    return page_response(request, told)


def route_of(request: web.Request) -> str:
    """The route's pattern: names no token, few values."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"
