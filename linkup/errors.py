"""Whose fault it is.

Every error that leaves linkup is one of these. `server/` and `cli.py` translate them once,
at the boundary: to an HTTP status, a WebSocket error message, or an exit code.
"""

from __future__ import annotations


class LinkupError(Exception):
    """Base of all errors that linkup raises on purpose.

    `code` is a short stable word for programs (`token-expired`), the message is a sentence
    for people: what happened, whose fault it is and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UserError(LinkupError):
    """The person or program on the other side sent something that cannot be done (HTTP 400)."""


class DeniedError(LinkupError):
    """The other side may not do this: no, wrong, expired or revoked credentials (HTTP 401/403)."""


class MissingError(LinkupError):
    """What was asked for does not exist (HTTP 404)."""


class ConflictError(LinkupError):
    """Possible in general, not in the present state (HTTP 409)."""


class BusyError(LinkupError):
    """A limit was reached; the same request may succeed later (HTTP 429 or 503)."""


class ConfigError(LinkupError):
    """The operator's configuration is wrong. The message lists every problem, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("config", "\n".join(problems))
        self.problems = problems


class PeerError(LinkupError):
    """A remote WebRTC end broke its protocol: bad SDP, failed DTLS, ICE timeout (HTTP 400)."""
