"""DTLS and keys by aiortc: all private names of `RTCDtlsTransport` that linkup uses.

`RTCDtlsTransport` asks its transport for `_recv`, `_send` and `role` only, so it gets a small
object that is fed from the one UDP port. We are the DTLS server (`a=setup:passive`, RFC 5763 §5)
but for a client that says it is one itself (FFmpeg's WHIP muxer).
`tests/media/test_parts.py` fails loudly when aiortc changes what is used here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from linkup.media.srtp import Cipher

QUEUE = 32  # DTLS records waiting for one peer; more than a whole handshake
HANDSHAKE_S = 30.0  # from the answer on, connectivity checks included
# The smaller GCM key first: fewer rounds, and 128 bits are enough (RFC 7714).
_PREFERENCE = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80")


def new_certificate() -> RTCCertificate:
    """A self-signed P-256 certificate; one serves all peers of a process."""
    return RTCCertificate.generateCertificate()


def fingerprints(certificate: RTCCertificate) -> list[tuple[str, str]]:
    """`(algorithm, digest)` for the SDP; SHA-256 alone, which every client knows (RFC 8122 §5)."""
    return [
        (each.algorithm, each.value)
        for each in certificate.getFingerprints()
        if each.algorithm == "sha-256"
    ]


class _Wire:
    """What `RTCDtlsTransport` takes for an ICE transport."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self._out(data)


class DtlsEnd:
    """One peer's DTLS: `start`, feed records to `receive`, `cipher` is there when connected."""

    def __init__(
        self,
        certificate: RTCCertificate,
        send: Callable[[bytes], None],
        closed: Callable[[], None],
        *,
        active: bool = False,
    ) -> None:
        self._wire = _Wire(send)
        self._transport = RTCDtlsTransport(cast(Any, self._wire), [certificate])
        self._transport._set_role("client" if active else "server")
        self._active = active
        self.reachable = asyncio.Event()  # to be set when there is an address to send to
        by_name = {profile.openssl_profile: profile for profile in SRTP_PROFILES}
        self._transport._srtp_profiles = [by_name[name] for name in _PREFERENCE if name in by_name]
        self._closed = closed
        self.cipher: Cipher | None = None
        self._connected = False
        self._transport.on("statechange", self._state_changed)

    def receive(self, data: bytes) -> bool:
        """Take one DTLS record from the wire; False when it had to be dropped."""
        try:
            self._wire.queue.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def start(self, expected: Sequence[tuple[str, str]]) -> bool:
        """Handshake with a peer whose certificate has one of `expected`; False when it failed."""
        parameters = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(algorithm=a, value=v) for a, v in expected]
        )
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                if self._active:
                    await self.reachable.wait()
                await self._transport.start(parameters)
        except TimeoutError:
            return False
        if self._transport.state != "connected":
            return False
        self.cipher = Cipher(self._transport._rx_srtp, self._transport._tx_srtp)
        self._connected = True
        return True

    async def stop(self) -> None:
        """Say close_notify and end."""
        self._connected = False
        self._transport.remove_all_listeners()
        await self._transport.stop()

    def _state_changed(self) -> None:
        if self._connected and self._transport.state in ("closed", "failed"):
            self._connected = False
            self._closed()
