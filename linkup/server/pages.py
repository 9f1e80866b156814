"""The pages: Jinja2 shells that carry their boot data and load one script and one style sheet.

What must be readable without a script (messages, the sign-in form) is in the shell itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

import linkup
from linkup.archive import index
from linkup.errors import BusyError, DeniedError, MissingError
from linkup.server import auth
from linkup.server.assets import compressed
from linkup.server.auth import OPERATORS, REVIEWERS, SITES, Visitor
from linkup.server.context import Context, context
from linkup.server.errors import Explained, explain

LANGUAGE_COOKIE = "linkup_lang"
YEAR_S = 365 * 24 * 3600
_NEXT = re.compile(r"/console|/review/[a-z0-9][a-z0-9-]{0,31}")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_DARK = frozenset({"join", "console"})


def routes() -> list[web.RouteDef]:
    """All pages."""
    return [
        web.get("/", home),
        web.get("/console", console),
        web.get("/join/{token}", join),
        web.get("/watch/{consultation}", watch),
        web.get("/review/{consultation}", review),
        web.get("/sign-in", sign_in_page),
        web.post("/sign-in", sign_in),
        web.post("/sign-out", sign_out),
        web.get("/static/{name:.+}", static),
    ]


# ---------------------------------------------------------------- handlers


async def home(request: web.Request) -> web.Response:
    """Where everything is."""
    shared = context(request)
    visitor = await shared.doorkeeper.session(request)
    state = shared.studio.watch_view()
    return shell(
        request,
        "home",
        user=visitor.user if visitor else None,
        role=visitor.role if visitor else None,
        live=bool(state.get("live")),
        watch=f"/watch/{shared.settings.consultation.id}",
        review=f"/review/{shared.settings.consultation.id}",
    )


async def console(request: web.Request) -> web.Response:
    """The operator's desk."""
    visitor = await _signed_in(request, OPERATORS)
    return shell(request, "console", user=visitor.user)


async def join(request: web.Request) -> web.Response:
    """A branch site's page. Opening it takes no seat yet."""
    shared = context(request)
    token = request.match_info["token"]
    address = request.remote or ""
    visitor = await shared.doorkeeper.admit_token(token, address, SITES)
    site = shared.settings.site(visitor.site or "")
    if site is None:
        raise DeniedError("token-site-gone", "The site of this link takes part no more.")
    described = {
        "id": site.id,
        "name": site.name.model_dump(),
        "city": site.city.model_dump(),
    }
    return shell(request, "join", token=token, site=described)


async def watch(request: web.Request) -> web.Response:
    """The viewer's page; public."""
    identifier = request.match_info["consultation"]
    if identifier != context(request).settings.consultation.id:
        raise MissingError("no-consultation", "There is no such consultation here.")
    return shell(request, "watch", hls=f"/hls/{identifier}/index.m3u8")


async def review(request: web.Request) -> web.Response:
    """The archive of one consultation."""
    visitor = await _signed_in(request, REVIEWERS)
    shared = context(request)
    identifier = request.match_info["consultation"]
    if identifier != shared.settings.consultation.id:
        view = await asyncio.to_thread(index.consultation, shared.place.data, identifier)
        shown = {"id": view.id, "title": view.title}
        return shell(request, "review", user=visitor.user, consultation=shown)
    return shell(request, "review", user=visitor.user)


async def sign_in_page(request: web.Request) -> web.Response:
    """The form; or, with a signed link, straight in."""
    token = request.query.get("token")
    if token is None:
        return _form(request, 200, None)
    shared = context(request)
    address = request.remote or ""
    visitor = await shared.doorkeeper.admit_token(token, address, REVIEWERS)
    target = f"/review/{shared.settings.consultation.id}"
    if visitor.role == "operator":
        target = "/console"
    return await _enter(request, visitor, target)


async def sign_in(request: web.Request) -> web.Response:
    """The form was sent."""
    fields = await request.post()
    name, password = str(fields.get("name", "")), str(fields.get("password", ""))
    try:
        visitor = await context(request).doorkeeper.sign_in(
            name.strip()[:64], password, request.remote or ""
        )
    except (DeniedError, BusyError) as error:
        told = explain(error)
        return _form(request, told.status, told)
    return await _enter(request, visitor, _next(str(fields.get("next", ""))) or "/console")


async def sign_out(request: web.Request) -> web.Response:
    """End the session; open consoles of this browser close within seconds."""
    shared = context(request)
    visitor = await shared.doorkeeper.session(request)
    if visitor is not None and visitor.session is not None:
        await shared.store.end_session(visitor.session)
        await shared.doorkeeper.look_again()
    response = _redirect("/")
    response.del_cookie(auth.COOKIE, path="/")
    return response


async def static(request: web.Request) -> web.StreamResponse:
    """A built file. Names carry a hash, so a browser keeps them for ever."""
    built = context(request).assets
    name = request.match_info["name"]
    found = built.file(built.manifest().get(name, name))
    if found is None:
        raise web.HTTPNotFound
    file, kind = found
    kept = "no-cache" if name in built.manifest() else f"public, max-age={YEAR_S}, immutable"
    headers = {"Content-Type": kind, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        packed = await asyncio.to_thread(compressed, file, file.stat().st_mtime_ns)
        if packed is not None:
            return web.Response(body=packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.FileResponse(file, headers=headers)


# ---------------------------------------------------------------- shells


def shell(request: web.Request, page: str, status: int = 200, **more: Any) -> web.Response:
    """The shell of a page with its boot data; `more` goes into the boot data."""
    shared = context(request)
    told: Explained | None = more.pop("told", None)
    languages = list(shared.settings.languages)
    language = negotiate(request, languages)
    title = shared.settings.consultation.title
    boot = {
        "page": page,
        "language": language,
        "languages": languages,
        "version": linkup.__version__,
        "consultation": {"id": shared.settings.consultation.id, "title": title.model_dump()},
        "secure": is_secure(request),
        **more,
    }
    if told is not None:
        boot["message"] = {"code": told.code, "title": told.title, "text": told.text}
    text = shared.assets.templates.get_template(f"{page}.html").render(
        page=page,
        language=language,
        other=next((each for each in ("zh", "en") if each != language), "en"),
        theme="dark" if page in _DARK else "light",
        title=title.in_language(language),
        boot=boot_json(boot),
        script=shared.assets.address(f"{page}.js"),
        style=shared.assets.address(f"{page}.css"),
        told=told,
        hls=more.get("hls"),
        next=_next(request.query.get("next", "")) or "",
    )
    response = web.Response(status=status, text=text, content_type="text/html")
    _remember_language(request, response)
    return response


def message_page(request: web.Request, told: Explained, status: int) -> web.Response:
    """A page that says what happened and what to do."""
    response = shell(request, "message", status=status, told=told)
    response.headers.extend(told.headers)
    return response


def boot_json(boot: dict[str, Any]) -> Markup:
    """JSON that may stand inside a script element, whatever its strings hold."""
    text = json.dumps(boot, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _remember_language(request: web.Request, response: web.Response) -> None:
    """`?lang=` is a choice that counts from now on."""
    wanted = request.query.get("lang", "")
    if wanted in context(request).settings.languages:
        response.set_cookie(LANGUAGE_COOKIE, wanted, max_age=YEAR_S, samesite="Lax", path="/")


def negotiate(request: web.Request, languages: list[Any]) -> str:
    """`?lang=`, else the cookie, else Accept-Language, else the first of sites.yaml."""
    for wanted in (request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in languages:
            return str(wanted)
    ranges: list[tuple[float, str]] = []
    for part in request.headers.get("Accept-Language", "")[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        ranges.append((-quality, tag.lower().split("-")[0]))
    for quality, tag in sorted(ranges, key=lambda each: each[0]):
        if quality < 0 and tag in languages:
            return tag
    return str(languages[0]) if languages else "zh"


def is_secure(request: web.Request) -> bool:
    """Whether a browser will let this page use a camera (secure contexts)."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = re.sub(r":\d+$", "", request.host).strip("[]").lower()
    return scheme == "https" or host in _LOCAL_HOSTS or host.endswith(".localhost")


# ---------------------------------------------------------------- inside


async def _signed_in(request: web.Request, roles: Any) -> Visitor:
    """Who is signed in; else off to the form, and back afterwards."""
    doorkeeper = context(request).doorkeeper
    try:
        return await doorkeeper.admit(request, roles)
    except DeniedError as error:
        if error.code in ("token-missing", "sign-in-needed"):
            query = urlencode({"next": request.path})
            raise web.HTTPSeeOther(f"/sign-in?{query}") from None
        raise


async def _enter(request: web.Request, visitor: Visitor, target: str) -> web.Response:
    shared = context(request)
    value = await shared.doorkeeper.open_session(visitor)
    response = _redirect(target)
    _remember_language(request, response)
    response.set_cookie(
        auth.COOKIE,
        value,
        httponly=True,
        samesite="Lax",
        secure=_behind_tls(request, shared),
        max_age=auth.SESSION_MS // 1000,
        path="/",
    )
    return response


def _behind_tls(request: web.Request, shared: Context) -> bool:
    public = shared.settings.server.public_url
    return request.secure or (public.startswith("https:") and request.host in public)


def _form(request: web.Request, status: int, told: Explained | None) -> web.Response:
    response = shell(request, "sign-in", status=status, told=told)
    if told is not None:
        response.headers.extend(told.headers)
    return response


def _redirect(target: str) -> web.Response:
    return web.Response(status=303, headers={"Location": target, "Cache-Control": "no-store"})


def _next(wanted: str) -> str | None:
    return wanted if _NEXT.fullmatch(wanted) else None
