"""Signing the head of a journal, so that its chain cannot be made anew by somebody else.

The key pair of a server lies in `{data}/keys/`: `archive.pem` (Ed25519, private, mode 0600) and
`archive.pub`. A "seal" line carries a signature of this text, each part ending with a newline:

    linkup seal 1
    <consultation>
    <seq of the seal line>
    <at_ns of the seal line>
    <prev of the seal line: SHA-256 of the line before, and through it of everything before>

Nothing in the line is left uncovered: its other members follow from these. The text is plain so
that `openssl pkeyutl` can check it (docs/archive.md).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from linkup.errors import ConfigError, UserError
from linkup.record.journal import Journal, Line

KIND = "seal"
PUBLIC_NAME = "archive.pub"
_PRIVATE_NAME = "archive.pem"


def server_key(data: Path) -> Ed25519PrivateKey:
    """The key of this server, created when it is not there. Raises `OSError`, `ConfigError`."""
    folder = data / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / _PRIVATE_NAME
    if not path.exists():
        _create(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError([f"{path}: not an Ed25519 private key in PEM; restore it from a backup"])
    public = folder / PUBLIC_NAME
    wanted = public_pem(key.public_key())
    if not public.exists() or public.read_bytes() != wanted:
        public.write_bytes(wanted)
    return key


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fresh = path.with_suffix(f".{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    # link() fails when another process was quicker: then its key is the server's.
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public key as it stands in `archive.pub`."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_public(path: Path) -> Ed25519PublicKey:
    """A public key from a PEM file. Raises `UserError` when it is not one."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError("public-key", f"{path}: not a public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UserError("public-key", f"{path}: not an Ed25519 public key")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of the public key, in hex."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def signed_text(consultation: str, line: Line) -> bytes:
    """What the signature of a seal line covers."""
    return f"linkup seal 1\n{consultation}\n{line.seq}\n{line.at_ns}\n{line.prev}\n".encode()


def append(journal: Journal, key: Ed25519PrivateKey, consultation: str) -> bool:
    """Seal the present head; does nothing when the last line is a seal already."""
    if journal.last_kind in ("", KIND):
        return False

    def data(line: Line) -> dict[str, Any]:
        signature = key.sign(signed_text(consultation, line))
        return {
            "consultation": consultation,
            "key": fingerprint(key.public_key()),
            "signature": base64.b64encode(signature).decode(),
        }

    return journal.append(KIND, "system", data)


def problem(line: Line, consultation: str, key: Ed25519PublicKey) -> str:
    """What is wrong with a seal line, in words; empty when it is good."""
    if set(line.data) != {"consultation", "key", "signature"}:
        return "the seal does not have the right members"
    if line.id != f"{KIND}-{line.seq}" or line.who != "system":
        return "the seal was changed"
    if line.data["consultation"] != consultation:
        return f"the seal is of another consultation: {line.data['consultation']!r}"
    if line.data["key"] != fingerprint(key):
        return "the seal was made with another key"
    try:
        signature = base64.b64decode(str(line.data["signature"]), validate=True)
        if base64.b64encode(signature).decode() != line.data["signature"]:
            return "the signature is not written as it should be"
        key.verify(signature, signed_text(consultation, line))
    except (InvalidSignature, binascii.Error, ValueError):
        return "the signature is not valid"
    return ""
