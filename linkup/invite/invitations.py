"""Invitations: the signed links by which sites, operators, reviewers and partners come in.

Everything here works whether the server runs or not: the key lies in the data folder, and the
database may be open in several processes.

    invitation = invite.make(data, settings, "site", site="school", hours=48)
    invitation.url      # https://…/join/eyJ…
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import linkup.store as stores
from linkup.config import Settings
from linkup.errors import DeniedError, MissingError, UserError
from linkup.invite import addresses, tokens
from linkup.invite.passwords import hash_password
from linkup.invite.tokens import ROLES, Claims, Role
from linkup.store import Store

DEFAULT_HOURS: dict[Role, float] = {
    "site": 14 * 24,  # a test can be made days before
    "operator": 24,
    "reviewer": 14 * 24,
    "partner": 14 * 24,
}
MAX_HOURS = 366 * 24
_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """A signed invitation. `expires` is in UTC milliseconds."""

    token: str
    url: str
    jti: str
    expires: int
    role: Role
    site: str | None
    consultation: str
    issued: int

    def row(self, by: str) -> stores.Invitation:
        """As the store keeps it: without the token."""
        return stores.Invitation(
            jti=self.jti,
            role=self.role,
            site=self.site,
            consultation=self.consultation,
            issued=self.issued,
            expires=self.expires,
            by=by,
        )


def make(
    data: Path,
    settings: Settings,
    role: str,
    site: str | None = None,
    hours: float | None = None,
    name: str = "",
) -> Invitation:
    """Sign an invitation. Raises `UserError` or `MissingError` for what cannot be invited."""
    known = _role(role)
    if known == "site":
        if site is None or settings.site(site) is None:
            ids = ", ".join(each.id for each in settings.sites)
            raise MissingError("site-unknown", f"No site '{site or ''}'. There are: {ids}.")
    elif site is not None:
        raise UserError("site-not-wanted", f"An invitation as {known} names no site.")
    lasts = DEFAULT_HOURS[known] if hours is None else hours
    if not 0 < lasts <= MAX_HOURS:
        raise UserError("hours", f"hours must be more than 0 and at most {MAX_HOURS}.")
    if name and not _NAME.fullmatch(name):
        raise UserError("name", "A name has up to 64 letters, digits and . @ - _")
    claims = tokens.new_claims(known, settings.consultation.id, lasts, site, name)
    token = tokens.sign(tokens.signing_key(data), claims)
    return Invitation(
        token=token,
        url=addresses.url_base(data, settings) + path(claims.role, token),
        jti=claims.jti,
        expires=claims.expires * 1000,
        role=claims.role,
        site=site,
        consultation=claims.consultation,
        issued=claims.issued * 1000,
    )


def path(role: Role, token: str) -> str:
    """Where a token of this role leads to. A partner's token is for programs: it opens no page."""
    match role:
        case "site":
            return f"/join/{token}"
        case "operator" | "reviewer":
            return f"/sign-in?token={token}"
        case "partner":
            return "/whep/program"


def check(data: Path, settings: Settings, token: str) -> Claims:
    """What a token says; revocation is not looked at (`Store.is_revoked`).

    Raises `DeniedError`: `token-wrong`, `token-expired`, `token-other-consultation`.
    """
    return examine(tokens.verify(tokens.signing_key(data), token, time.time()), settings)


def examine(claims: Claims, settings: Settings) -> Claims:
    """Whether valid claims fit this server's consultation and sites."""
    if claims.consultation != settings.consultation.id:
        raise DeniedError("token-other-consultation", "This link belongs to another consultation.")
    if claims.site is not None and settings.site(claims.site) is None:
        raise DeniedError("token-site-gone", "The site of this link takes part no more.")
    return claims


def identifier(text: str) -> str:
    """The jti in what somebody pasted: the jti itself, a token, or a whole link."""
    candidate = re.split(r"[/=]", text.strip())[-1]
    if candidate.count(".") == 2:
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            payload = jws.extract_compact(candidate.encode()).payload
            found = re.search(rb'"jti"\s*:\s*"([\w-]{1,64})"', payload)
        except (JoseError, ValueError):
            found = None
        if found is None:
            raise tokens.wrong()
        return found.group(1).decode()
    if not re.fullmatch(r"[\w-]{1,64}", candidate):
        raise UserError("jti", "Give the invitation's id (jti), its token or its link.")
    return candidate


async def remember(data: Path, invitation: Invitation, by: str) -> None:
    """Enter an invitation into the database, so that it is found in the list."""
    async with _store(data) as store:
        await store.add_invitation(invitation.row(by))


async def revoke(data: Path, text: str, by: str) -> str:
    """Let an invitation count no more; gives its jti. `text` as for `identifier`."""
    jti = identifier(text)
    async with _store(data) as store:
        await store.revoke(jti, by)
    return jti


async def add_operator(data: Path, name: str, password: str) -> None:
    """Let somebody sign in with a name and a password; an existing name gets the new one."""
    if not _NAME.fullmatch(name):
        raise UserError("name", "A name has up to 64 letters, digits and . @ - _")
    operator = stores.Operator(name=name, password=hash_password(password), role="operator")
    async with _store(data) as store:
        await store.put_operator(operator)


def _role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise UserError("role", f"No role '{role}'. There are: {', '.join(ROLES)}.")


@asynccontextmanager
async def _store(data: Path) -> AsyncIterator[Store]:
    store = await stores.open(stores.database_file(data))
    try:
        yield store
    finally:
        await store.close()
