"""TLS: the given certificate, or an own one that is made on the first start."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from linkup.config import Settings
from linkup.errors import ConfigError
from linkup.invite import addresses
from linkup.invite.tokens import KEYS

log = structlog.get_logger()

YEARS_DAYS = 730  # longer ones are refused by some browsers (825 days)
RENEW_DAYS = 30  # made anew when less is left
CERTIFICATE, KEY = "tls.pem", "tls.key.pem"


def tls_context(data: Path, settings: Settings) -> ssl.SSLContext | None:
    """The server's TLS, or None when it is off. Raises `ConfigError`."""
    tls = settings.server.tls
    if tls.mode == "off":
        return None
    if tls.mode == "files" and tls.certificate and tls.key:
        certificate, key = tls.certificate, tls.key
    else:
        certificate, key = self_signed(data, settings)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.set_alpn_protocols(["http/1.1"])
    try:
        found.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [f"server.tls: {certificate} and {key} cannot be used: {error}"]
        ) from None
    return found


def self_signed(data: Path, settings: Settings) -> tuple[Path, Path]:
    """Certificate and key in the data folder; made when missing or about to expire."""
    folder = data / KEYS
    certificate, key = folder / CERTIFICATE, folder / KEY
    if not key.exists() or not _lasts(certificate):
        folder.mkdir(parents=True, exist_ok=True)
        _write(certificate, key, names(settings))
        log.info("made an own TLS certificate", file=str(certificate), days=YEARS_DAYS)
    return certificate, key


def names(settings: Settings) -> list[x509.GeneralName]:
    """By what this machine is called: its names and all its addresses."""
    hosts = {"localhost", socket.gethostname()}
    hosts.update(addresses.local_ipv4(), addresses.local_ipv6(), ("127.0.0.1", "::1"))
    hosts.update(settings.server.public_addresses)
    if settings.server.public_url:
        hosts.add(urlsplit(settings.server.public_url).hostname or "localhost")
    return [_name(host) for host in sorted(hosts)]


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode())


def _lasts(certificate: Path) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return False
    return found.not_valid_after_utc > datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def _write(certificate: Path, key: Path, alternatives: list[x509.GeneralName]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "linkup")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=YEARS_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
