"""What the store gives back: frozen values, nothing that is bound to a database session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was issued. Times are UTC milliseconds."""

    jti: str
    role: str
    site: str | None
    consultation: str
    issued: int
    expires: int
    by: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody with a password (its argon2id hash)."""

    name: str
    password: str
    role: str


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. Times are UTC milliseconds."""

    id: str  # SHA-256 of the cookie's value, hex
    user: str
    role: str
    jti: str | None
    expires: int
