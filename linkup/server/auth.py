"""Who is at the door: signed links, names with passwords, and browsers that are signed in.

A token comes as `Authorization: Bearer`, as `?token=` or in the path. A browser that signed in has
a random cookie whose SHA-256 the store keeps, for twelve hours after it was last used. Sockets and
media connections that live long are asked again every few seconds whether they still may.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web
from joserfc.jwk import OKPKey

from linkup import invite, store
from linkup.config import Settings
from linkup.errors import BusyError, DeniedError
from linkup.invite import tokens
from linkup.invite.passwords import Passwords
from linkup.invite.tokens import Role
from linkup.server.rates import Attempts
from linkup.store import Store
from linkup.store.database import now_ms

log = structlog.get_logger()

COOKIE = "linkup_session"
SESSION_MS = 12 * 3600 * 1000
PROLONG_MS = 10 * 60 * 1000  # not at every request: each is a write
LOOK_AGAIN_S = 3.0  # a revoked visitor is out after this time

SITES: frozenset[Role] = frozenset({"site"})
PUBLISHERS: frozenset[Role] = frozenset({"site", "operator"})
OPERATORS: frozenset[Role] = frozenset({"operator"})
REVIEWERS: frozenset[Role] = frozenset({"operator", "reviewer"})
PARTNERS: frozenset[Role] = frozenset({"operator", "reviewer", "partner"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody whose right to be here was checked."""

    role: Role
    user: str  # for the log and the journal
    site: str | None = None
    jti: str | None = None
    session: str | None = None  # the store's id of it


class Doorkeeper:
    """Checks tokens, passwords and sessions, and counts those who guess."""

    def __init__(self, settings: Settings, key: OKPKey, kept: Store) -> None:
        self._settings, self._key, self._store = settings, key, kept
        self._passwords = Passwords()
        # Guessing a signature is hopeless; the limit spares the log and the processor. A valid
        # token passes always, so that nobody can lock others of the same address out.
        self._bad_tokens = Attempts(limit=30, window_s=60)
        self._by_address = Attempts(limit=20, window_s=300)
        self._by_both = Attempts(limit=5, window_s=60)
        self._by_name = Attempts(limit=100, window_s=600)
        self._watched: dict[object, tuple[Visitor, Callable[[], None]]] = {}
        self.refused: dict[str, int] = {}  # by code, since start

    # ------------------------------------------------------------ tokens

    async def admit_token(
        self, token: str, address: str, roles: Collection[Role], site: str | None = None
    ) -> Visitor:
        """The visitor with this token, if its role is among `roles` and its site is `site`.

        Raises `DeniedError`, or `BusyError` when this address sent too many bad ones.
        """
        try:
            return await self._token(token, roles, site)
        except DeniedError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            if error.code not in ("token-wrong", "token-revoked"):
                raise
            now = time.monotonic()
            if self._bad_tokens.wait_s(address, now) > 0:
                raise _too_many() from None
            self._bad_tokens.failed(address, now)
            log.warning("token refused", code=error.code, address=address)
            raise

    async def _token(self, token: str, roles: Collection[Role], site: str | None) -> Visitor:
        claims = invite.examine(tokens.verify(self._key, token, time.time()), self._settings)
        if await self._store.is_revoked(claims.jti):
            raise DeniedError("token-revoked", "This link was withdrawn.")
        if claims.role not in roles or (claims.role == "site" and site not in (None, claims.site)):
            raise DeniedError("token-role", "This link does not open this.")
        user = claims.name or claims.site or f"{claims.role}-{claims.jti[:4]}"
        return Visitor(claims.role, user, claims.site, claims.jti)

    async def admit(
        self, request: web.Request, roles: Collection[Role], site: str | None = None
    ) -> Visitor:
        """Whoever sent this request: by Bearer token, `?token=` or session, in this order."""
        token = token_of(request)
        if token is not None:
            return await self.admit_token(token, request.remote or "", roles, site)
        visitor = await self.session(request)
        if visitor is None:
            code = "sign-in-needed" if COOKIE in request.cookies else "token-missing"
            raise DeniedError(code, "A link or a sign-in is needed.")
        if visitor.role not in roles:
            raise DeniedError("token-role", "Your sign-in does not open this.")
        return visitor

    # ------------------------------------------------------------ sessions

    async def session(self, request: web.Request) -> Visitor | None:
        """Who is signed in with this browser."""
        value = request.cookies.get(COOKIE, "")
        if not 20 <= len(value) <= 100:
            return None
        found = await self._store.session(hashed(value))
        if found is None or found.role not in REVIEWERS:
            return None
        wanted = now_ms() + SESSION_MS
        if wanted - found.expires > PROLONG_MS:
            await self._store.prolong_session(found.id, wanted)
        role: Role = "operator" if found.role == "operator" else "reviewer"
        return Visitor(role, found.user, jti=found.jti, session=found.id)

    async def sign_in(self, name: str, password: str, address: str) -> Visitor:
        """Check a name and a password. Raises `DeniedError` `sign-in-wrong` or `BusyError`."""
        now = time.monotonic()
        counted = (
            (self._by_address, address),
            (self._by_both, f"{address} {name}"),
            (self._by_name, name),
        )
        if any(attempts.wait_s(key, now) > 0 for attempts, key in counted):
            raise _too_many()
        # Counted before the check, which takes a while: many at once must not all pass.
        for attempts, key in counted:
            attempts.failed(key, now)
        operator = await self._store.operator(name)
        if not await self._passwords.matches(operator.password if operator else None, password):
            log.warning("sign-in refused", address=address)
            raise DeniedError("sign-in-wrong", "The name or the password is not right.")
        self._by_both.forget(f"{address} {name}")
        return Visitor("operator", name)

    async def open_session(self, visitor: Visitor) -> str:
        """Sign a browser in; gives the value of its cookie."""
        value = secrets.token_urlsafe(32)
        await self._store.add_session(
            store.Session(
                id=hashed(value),
                user=visitor.user,
                role=visitor.role,
                jti=visitor.jti,
                expires=now_ms() + SESSION_MS,
            )
        )
        return value

    # ------------------------------------------------------------ those who stay

    def watch(self, visitor: Visitor, out: Callable[[], None]) -> Callable[[], None]:
        """Call `out` once when this visitor may stay no longer. Gives the function that ends it."""
        key = object()
        self._watched[key] = (visitor, out)

        def release() -> None:
            self._watched.pop(key, None)

        return release

    @asynccontextmanager
    async def on_duty(self) -> AsyncIterator[None]:
        """Looks at those who stay, every few seconds."""
        task = asyncio.create_task(self._patrol())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _patrol(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                await self.look_again()
            except Exception:
                log.exception("could not look at revocations")

    async def look_again(self) -> None:
        """Send away those whose invitation was revoked or whose session has ended."""
        may: dict[tuple[str | None, str | None], bool] = {}
        for key, (visitor, out) in list(self._watched.items()):
            which = (visitor.jti, visitor.session)
            if which not in may:
                may[which] = await self._still(visitor)
            if not may[which] and key in self._watched:
                del self._watched[key]
                out()

    async def _still(self, visitor: Visitor) -> bool:
        if visitor.session is not None:
            return await self._store.session(visitor.session) is not None
        return visitor.jti is None or not await self._store.is_revoked(visitor.jti)


def token_of(request: web.Request) -> str | None:
    """The token that a request carries in its header or query."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.query.get("token")


def hashed(cookie: str) -> str:
    """What the store keeps of a cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def _too_many() -> BusyError:
    return BusyError("too-many-attempts", "Too many attempts. Wait a few minutes.")
