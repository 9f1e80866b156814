"""Passwords: argon2id, always in a thread and few at a time, as each costs 64 MiB and 50 ms."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from linkup.errors import UserError

SHORTEST = 8
LONGEST = 256
AT_ONCE = 2

_hasher = PasswordHasher()
# Checked for names that do not exist, so that the time of the answer does not tell.
_nobody = ""


def hash_password(password: str) -> str:
    """The hash to keep. Raises `UserError` for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError("password-length", f"A password has {SHORTEST} to {LONGEST} characters.")
    return _hasher.hash(password)


class Passwords:
    """Checks passwords without holding up the event loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether this is the password; takes as long when there is no such name (None)."""
        if len(password) > LONGEST:
            return False
        async with self._turns:
            return await asyncio.to_thread(_matches, hashed, password)


def _matches(hashed: str | None, password: str) -> bool:
    global _nobody
    if hashed is None:
        _nobody = _nobody or _hasher.hash("nobody has this password")
    try:
        _hasher.verify(hashed or _nobody, password)
    except (Argon2Error, InvalidHashError):
        return False
    return hashed is not None
