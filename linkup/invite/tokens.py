"""Signed tokens: what they say, the key that signs them, and why one is refused.

A token is a JWT (RFC 7519) signed with Ed25519 (RFC 8037, named as in RFC 9864), so that any node
that has the public key can check a link. Whether it was revoked only the store knows.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from linkup.errors import ConfigError, DeniedError

Role = Literal["site", "operator", "reviewer", "partner"]
ROLES: tuple[Role, ...] = get_args(Role)

KEYS = "keys"
PRIVATE = "tokens.pem"
PUBLIC = "tokens.pub.pem"
ISSUER = "linkup"
ALGORITHM: Literal["Ed25519"] = "Ed25519"
MAX_TOKEN = 2048  # characters; ours have about 330
SKEW_S = 30  # clocks of two nodes may differ by this

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. Times are UTC seconds."""

    jti: str
    role: Role
    site: str | None
    consultation: str
    issued: int
    expires: int
    name: str = ""  # who it was made for, if that was said


def signing_key(data: Path) -> OKPKey:
    """The private key of a data folder; made (mode 0600) when there is none.

    The server and the command line may do this at the same moment: the first one's key stays.
    """
    file = data / KEYS / PRIVATE
    if not file.exists():
        _make(file)
    try:
        key = OKPKey.import_key(file.read_bytes())
    except (OSError, JoseError, ValueError) as error:
        raise ConfigError([f"{file}: the key that signs links cannot be read: {error}"]) from None
    public = file.with_name(PUBLIC)
    if not public.exists():
        with contextlib.suppress(OSError):
            public.write_bytes(key.as_pem(private=False))
    return key


def sign(key: OKPKey, claims: Claims) -> str:
    """The token of these claims."""
    payload = {
        "iss": ISSUER,
        "jti": claims.jti,
        "role": claims.role,
        "consultation": claims.consultation,
        "iat": claims.issued,
        "exp": claims.expires,
    }
    if claims.site:
        payload["site"] = claims.site
    if claims.name:
        payload["name"] = claims.name
    return jwt.encode({"alg": ALGORITHM}, payload, key, algorithms=[ALGORITHM])


def new_claims(
    role: Role, consultation: str, hours: float, site: str | None = None, name: str = ""
) -> Claims:
    """Claims of a new token that counts from now for so many hours."""
    now = int(time.time())
    return Claims(
        jti=secrets.token_urlsafe(9),
        role=role,
        site=site,
        consultation=consultation,
        issued=now,
        expires=now + round(hours * 3600),
        name=name,
    )


def verify(key: OKPKey, token: str, now: float) -> Claims:
    """What a token says, when we signed it and it has not expired.

    Raises `DeniedError` with code `token-wrong` or `token-expired`.
    """
    if len(token) > MAX_TOKEN or not _SHAPE.fullmatch(token):
        raise wrong()
    try:
        claims = _claims(jwt.decode(token, key, algorithms=[ALGORITHM]).claims)
    except (JoseError, ValueError, TypeError, KeyError):
        raise wrong() from None
    if claims.issued > now + SKEW_S:
        raise wrong()
    if claims.expires <= now:
        raise DeniedError("token-expired", "This link has expired. Ask for a new one.")
    return claims


def wrong() -> DeniedError:
    """The error of every token that is not one of ours, for whatever reason."""
    return DeniedError("token-wrong", "This link is not valid. Check that it is complete.")


def _claims(found: dict[str, object]) -> Claims:
    if found["iss"] != ISSUER or found["role"] not in ROLES:
        raise ValueError
    site, name = found.get("site"), found.get("name", "")
    jti, consultation = found["jti"], found["consultation"]
    issued, expires = found["iat"], found["exp"]
    if not (isinstance(jti, str) and isinstance(consultation, str) and isinstance(name, str)):
        raise TypeError
    if not (isinstance(issued, int) and isinstance(expires, int)):
        raise TypeError
    if (found["role"] == "site") != isinstance(site, str):
        raise ValueError
    return Claims(
        jti=jti,
        role=found["role"],
        site=site if isinstance(site, str) else None,
        consultation=consultation,
        issued=issued,
        expires=expires,
        name=name,
    )


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        file.parent.chmod(0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(OKPKey.generate_key(ALGORITHM).as_pem(private=True))
    try:
        # A link, not a rename: it fails when another process was faster.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
