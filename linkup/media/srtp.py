"""SRTP in place: libsrtp through `pylibsrtp._binding`.

All private names of pylibsrtp that linkup uses are in this file; `tests/media/test_parts.py` fails
when they change. `Session.protect` copies a packet four times; here libsrtp works on the buffer
in which the packet lies (RFC 3711; AES-GCM RFC 7714).
"""

from __future__ import annotations

from typing import Any

from pylibsrtp import Session
from pylibsrtp import _binding as binding

_lib: Any = binding.lib
protect: Any = _lib.srtp_protect  # (context, void *packet, int *length) → 0 when done
protect_rtcp: Any = _lib.srtp_protect_rtcp
unprotect: Any = _lib.srtp_unprotect
unprotect_rtcp: Any = _lib.srtp_unprotect_rtcp
new_length: Any = binding.ffi.new
MAX_TRAILER = 148  # bytes that protect_rtcp may add (SRTP_MAX_SRTCP_TRAILER_LEN)

# srtp_err_status_t
AUTHENTICATION_FAILED = 7
REPLAYED = 9
REPLAYED_OLD = 10


class Cipher:
    """Both directions of one peer. `inbound`/`outbound` are libsrtp contexts."""

    __slots__ = ("_sessions", "inbound", "outbound")

    def __init__(self, inbound: Session, outbound: Session) -> None:
        self._sessions = (inbound, outbound)  # they free the contexts
        self.inbound: Any = inbound._srtp[0]
        self.outbound: Any = outbound._srtp[0]
