"""The simulated site's end of DTLS-SRTP (RFC 5764), from OpenSSL's own parts, without I/O.

On purpose not the server's way (aiortc): what is tested should not test itself.
Datagrams go in, datagrams come out; the caller owns the socket and the clock.
"""

from __future__ import annotations

import datetime
import functools
import os
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from linkup.errors import PeerError

MTU = 1200  # bytes of a datagram that we send
REPLAY_WINDOW = 1024  # packets; a retransmission may come this late


@dataclass(frozen=True)
class Protection:
    """One SRTP protection profile: its names and the lengths of its keys in bytes."""

    name: bytes
    libsrtp: int
    key: int
    salt: int


PROTECTIONS = (
    Protection(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    Protection(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Protection(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate; its fingerprint goes into the SDP."""

    context: SSL.Context
    fingerprint: str  # SHA-256, as in `a=fingerprint`


@functools.cache
def identity() -> Identity:
    """One for the whole process: a crowd need not pay for a key pair each."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, os.urandom(8).hex())])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
    # Certificates are self-signed: what is checked is the fingerprint, after the handshake.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    context.set_tlsext_use_srtp(b":".join(each.name for each in PROTECTIONS))
    return Identity(context, _fingerprint(certificate))


def _fingerprint(certificate: x509.Certificate) -> str:
    digest = certificate.fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class Dtls:
    """One handshake, then its SRTP sessions in `outbound` and `inbound`."""

    def __init__(self, role: Literal["client", "server"], remote_fingerprint: str) -> None:
        self.role = role
        self.done = False
        self.closed = False
        self.protection = ""
        self.outbound: Session
        self.inbound: Session
        self._remote_fingerprint = remote_fingerprint.upper()
        self._ssl = SSL.Connection(identity().context)
        self._ssl.set_ciphertext_mtu(MTU)
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    def start(self) -> list[bytes]:
        """The first flight. Raises `PeerError`, as all others here."""
        return self._advance()

    def receive(self, datagram: bytes) -> list[bytes]:
        """What to send after this datagram came."""
        self._ssl.bio_write(datagram)
        if not self.done:
            return self._advance()
        try:
            self._ssl.recv(MTU)
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error:
            pass  # nothing to read: a late retransmission of the handshake
        return self._flush()

    def timeout(self) -> float | None:
        """Seconds until `expire` is to be called, None when nothing waits."""
        left: float | None = self._ssl.DTLSv1_get_timeout()
        return left

    def expire(self) -> list[bytes]:
        """What to send again after `timeout` seconds without an answer."""
        self._ssl.DTLSv1_handle_timeout()
        return self._flush()

    def close(self) -> list[bytes]:
        """The close_notify alert."""
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._flush()

    def _advance(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._flush()
        except SSL.Error as error:
            raise PeerError("dtls", f"DTLS handshake failed: {error}") from None
        self._check_fingerprint()
        self._take_keys()
        self.done = True
        return self._flush()

    def _check_fingerprint(self) -> None:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None or _fingerprint(certificate) != self._remote_fingerprint:
            raise PeerError("dtls", "the server's certificate does not fit its SDP")

    def _take_keys(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in PROTECTIONS if each.name == chosen), None)
        if profile is None:
            raise PeerError("dtls", "no SRTP protection profile in common")
        key, salt = profile.key, profile.salt
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (client, server) if self.role == "client" else (server, client)
        self.protection = profile.name.decode()
        self.outbound = _session(profile, ours, Policy.SSRC_ANY_OUTBOUND)
        self.inbound = _session(profile, theirs, Policy.SSRC_ANY_INBOUND)

    def _flush(self) -> list[bytes]:
        """All that OpenSSL wants to send. Its memory BIO forgets where datagrams end, so they are
        cut again at DTLS records (RFC 6347 §4.1)."""
        pending = b""
        while True:
            try:
                pending += self._ssl.bio_read(65536)
            except SSL.Error:
                break
        datagrams: list[bytes] = []
        current = b""
        while pending:
            length = 13 + int.from_bytes(pending[11:13], "big")
            record, pending = pending[:length], pending[length:]
            if current and len(current) + length > MTU:
                datagrams.append(current)
                current = b""
            current += record
        return [*datagrams, current] if current else datagrams


def _session(profile: Protection, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp)
    policy.allow_repeat_tx = True
    policy.window_size = REPLAY_WINDOW
    return Session(policy)
