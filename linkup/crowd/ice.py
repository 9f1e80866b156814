"""The controlling, full end of ICE against a server that is ICE-lite (RFC 8445), without I/O.

There is one component, and one local socket that reaches every candidate of the server; so a
check list is no more than the list of remote candidates, and the first that answers is taken.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field

from aioice import stun

Address = tuple[str, int]

PRIORITY = 1845501695  # peer-reflexive, RFC 8445 §5.1.2.1
CONSENT_S = 4.0  # RFC 7675: well before the server calls us silent
FIRST_RETRY_S, SLOWEST_RETRY_S = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class Credentials:
    """ICE user name fragment and password (RFC 8445 §5.3)."""

    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    password: str = field(default_factory=lambda: secrets.token_hex(12))


class Ice:
    """Checks towards all candidates until one answers, then consent on that one."""

    def __init__(self, local: Credentials, remote: Credentials, candidates: list[Address]) -> None:
        self.selected: Address | None = None
        self.consented_at = 0.0
        self._local, self._remote = local, remote
        self._candidates = candidates
        self._tie_breaker = int.from_bytes(os.urandom(8), "big")
        self._waiting: dict[bytes, Address] = {}
        self._retry_s = FIRST_RETRY_S

    def due(self) -> tuple[list[tuple[bytes, Address]], float]:
        """The requests to send now, and in how many seconds to ask again."""
        if self.selected is not None:
            return [self._request(self.selected)], CONSENT_S
        wait, self._retry_s = self._retry_s, min(SLOWEST_RETRY_S, self._retry_s * 2)
        return [self._request(each) for each in self._candidates], wait

    def receive(self, data: bytes, source: Address, now: float) -> bytes | None:
        """Take a STUN message. What is not for us or not signed is ignored; returns an answer."""
        try:
            message = stun.parse_message(data)
        except (ValueError, KeyError):
            return None
        if message.message_class == stun.Class.REQUEST:
            return self._answer(message, source)
        if message.message_class == stun.Class.RESPONSE:
            asked = self._waiting.pop(message.transaction_id, None)
            key = self._remote.password.encode()
            if asked is not None and message.check_message_integrity(key):
                self.selected = self.selected or asked
                self.consented_at = now
        return None

    def _request(self, to: Address) -> tuple[bytes, Address]:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes = {
            "USERNAME": f"{self._remote.ufrag}:{self._local.ufrag}",
            "PRIORITY": PRIORITY,
            "ICE-CONTROLLING": self._tie_breaker,
            "USE-CANDIDATE": None,
        }
        message.add_message_integrity(self._remote.password.encode())
        while len(self._waiting) >= 64:
            self._waiting.pop(next(iter(self._waiting)))
        self._waiting[message.transaction_id] = to
        return bytes(message), to

    def _answer(self, request: stun.Message, source: Address) -> bytes | None:
        """A full ICE end (aiortc in our tests) checks us as well."""
        key = self._local.password.encode()
        if not request.check_message_integrity(key):
            return None
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        answer.attributes = {"XOR-MAPPED-ADDRESS": source}
        answer.add_message_integrity(key)
        return bytes(answer)
