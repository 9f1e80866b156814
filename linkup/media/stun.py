"""ICE-lite: answering connectivity checks (RFC 8445 §2.5, §7.3; RFC 8489; consent RFC 7675).

A lite agent never sends checks. It answers those whose MESSAGE-INTEGRITY is made with the right
password, and from then on the address they came from belongs to that peer. Nothing is kept of
anything that has not passed this, and no answer is sent to it.
"""

from __future__ import annotations

import secrets
import string
from typing import NamedTuple

from aioice import stun

_ALPHABET = string.ascii_letters + string.digits
_COOKIE = stun.COOKIE.to_bytes(4, "big")
_USERNAME = 0x0006
MAX_REQUEST = 548  # bytes; no real check is longer


def new_credentials() -> tuple[str, str]:
    """`(username fragment, password)`, 48 and 144 bits of randomness (RFC 8445 §5.3)."""
    return (
        "".join(secrets.choice(_ALPHABET) for _ in range(8)),
        "".join(secrets.choice(_ALPHABET) for _ in range(24)),
    )


def local_fragment(data: bytes) -> str | None:
    """The receiver's half of the USERNAME of a binding request; None of anything else.

    A cheap look before any parsing: most of what a stranger sends ends here.
    """
    size = len(data)
    if not 20 <= size <= MAX_REQUEST or data[:2] != b"\x00\x01" or data[4:8] != _COOKIE:
        return None
    position = 20
    while position + 4 <= size:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if int.from_bytes(data[position : position + 2], "big") == _USERNAME:
            name, colon, _ = data[position + 4 : position + 4 + length].partition(b":")
            return name.decode("ascii", "replace") if colon else None
        position += 4 + (length + 3 & ~3)
    return None


class Check(NamedTuple):
    """A request that passed."""

    answer: bytes
    nominated: bool
    conflict: bool  # the other side thinks it is controlled: answered 487, address not learnt


def check(data: bytes, password: str, source: tuple[str, int]) -> Check | None:
    """Verify one binding request and make its answer; None when it must be dropped."""
    try:
        request = stun.parse_message(data)
    except Exception:  # struct.error, ValueError, IndexError, whatever a datagram can provoke
        return None
    key = password.encode()
    if (
        request.message_method != stun.Method.BINDING
        or request.message_class != stun.Class.REQUEST
        or not request.check_message_integrity(key)
    ):
        return None
    conflict = "ICE-CONTROLLED" in request.attributes
    answer = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.ERROR if conflict else stun.Class.RESPONSE,
        transaction_id=request.transaction_id,
    )
    if conflict:  # RFC 8445 §7.3.1.1: we are always the controlled side
        answer.attributes["ERROR-CODE"] = (487, "Role Conflict")
    else:
        answer.attributes["XOR-MAPPED-ADDRESS"] = source
    answer.add_message_integrity(key)
    return Check(bytes(answer), "USE-CANDIDATE" in request.attributes, conflict)
