"""Is a consultation's archive what was recorded? Offline: the folder, and the public key.

Checked: every line's form, number and place in the hash chain; every seal; that the journal does
not end long after its last seal; the SHA-256 of every file that the journal names; files that are
missing, changed, or that the journal does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from linkup import clock
from linkup.errors import MissingError
from linkup.record import journal, seal
from linkup.record.recovery import recordings
from linkup.record.shelf import sha256

MAX_PROBLEMS = 200  # told one by one; the rest is counted


class Report(msgspec.Struct, kw_only=True):
    """What was found. `ok`: no problems (warnings do not count)."""

    consultation: str
    ok: bool
    problems: list[str]
    warnings: list[str]
    lines: int
    seals: int
    unsealed: int  # lines behind the last seal
    sealed_until: str | None  # UTC of the last good seal
    files: int
    files_verified: int
    bytes: int
    head: str  # SHA-256 of the last line: write it down elsewhere to prove that nothing was cut off
    key: str  # fingerprint of the public key that was used


@dataclass
class _Expected:
    """What the journal says of one file."""

    digest: str | None = None
    bytes: int | None = None
    closed: bool = False
    missing: bool = False  # the recorder itself said so


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    more: int = 0

    def problem(self, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)
        else:
            self.more += 1


@dataclass
class _Chain:
    """What was learnt on the way through the journal."""

    lines: int = 0
    seals: int = 0
    sealed_line: int = 0
    sealed_at: int = 0
    head: str = journal.GENESIS
    files: dict[str, _Expected] = field(default_factory=dict)


def verify(
    folder: Path,
    public_key: Path | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Verify one consultation's folder.

    `public_key`: an `archive.pub` from elsewhere; without, the one in the folder (which proves
    only that the archive is of one piece: compare its fingerprint). `progress(name)` is called
    before each file. Raises `MissingError` (no journal), `UserError` (no public key).
    """
    path = folder / journal.NAME
    if not path.is_file():
        raise MissingError("no-journal", f"{folder} holds no {journal.NAME}")
    key = seal.read_public(public_key or folder / seal.PUBLIC_NAME)
    found = _Findings()
    if public_key is None:
        found.warnings.append(
            "the public key was taken from the archive itself; "
            f"compare its fingerprint with the server's: {seal.fingerprint(key)}"
        )
    chain = _walk(path, _identity(folder), key, found)
    live = journal.is_written(path)
    verified, size = _files(folder, chain.files, found, live, progress)
    unsealed = chain.lines - chain.sealed_line
    _judge_seals(chain, unsealed, live, found)
    if found.more:
        found.problems.append(f"and {found.more} more problems")
    return Report(
        consultation=folder.name,
        ok=not found.problems,
        problems=found.problems,
        warnings=found.warnings,
        lines=chain.lines,
        seals=chain.seals,
        unsealed=unsealed,
        sealed_until=clock.iso(chain.sealed_at) if chain.sealed_at else None,
        files=len(chain.files),
        files_verified=verified,
        bytes=size,
        head=chain.head,
        key=seal.fingerprint(key),
    )


def verify_all(data: Path, public_key: Path | None = None) -> list[Report]:
    """Verify every consultation in a folder of recordings, in order of their names."""
    folders = sorted(path.parent for path in data.glob(f"*/{journal.NAME}"))
    key = public_key
    if key is None and (data / "keys" / seal.PUBLIC_NAME).is_file():
        key = data / "keys" / seal.PUBLIC_NAME
    return [verify(folder, key) for folder in folders]


def _identity(folder: Path) -> str:
    """The consultation's id: what the first seal says, so that a copy may have another name."""
    for raw in journal.raw_lines(folder / journal.NAME):
        if b'"kind":"seal"' in raw:
            try:
                return str(journal.parse(raw).data["consultation"])
            except (ValueError, KeyError):
                continue
    return folder.name


def _walk(path: Path, identity: str, key: Ed25519PublicKey, found: _Findings) -> _Chain:
    chain = _Chain()
    for number, raw in enumerate(journal.raw_lines(path), start=1):
        chain.lines = number
        try:
            line = journal.parse(raw)
            if journal.compose(line) != raw:
                raise ValueError("it is not written as the recorder writes")
        except ValueError as error:
            found.problem(f"journal line {number} was changed: {error}")
        else:
            _link(line, number, chain, found)
            if line.kind == seal.KIND:
                _seal(line, number, identity, key, chain, found)
            _expect(line, chain.files)
        chain.head = journal.digest(raw)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        if path.stat().st_size and file.read(1) != b"\n":
            found.warnings.append("the journal ends with a line that is not whole (a crash?)")
    return chain


def _link(line: journal.Line, number: int, chain: _Chain, found: _Findings) -> None:
    if line.seq != number:
        found.problem(f"journal line {number} says that it is number {line.seq}")
    if line.prev != chain.head:
        found.problem(
            f"journal line {number} does not follow from the line before: "
            "something before it was changed, removed or inserted"
        )


def _seal(
    line: journal.Line,
    number: int,
    identity: str,
    key: Ed25519PublicKey,
    chain: _Chain,
    found: _Findings,
) -> None:
    wrong = seal.problem(line, identity, key)
    if wrong:
        found.problem(f"journal line {number}: {wrong}")
        return
    chain.seals += 1
    chain.sealed_line, chain.sealed_at = number, line.at_ns


def _expect(line: journal.Line, files: dict[str, _Expected]) -> None:
    name: Any = line.data.get("path")
    if not line.kind.startswith("segment-") or not isinstance(name, str):
        return
    expected = files.setdefault(name, _Expected())
    if line.kind == "segment-missing":
        expected.missing = True
    if line.kind in ("segment-closed", "segment-hashed"):
        expected.closed = True
        expected.digest = line.data.get("sha256") or expected.digest
        expected.bytes = line.data.get("bytes")


def _files(
    folder: Path,
    files: dict[str, _Expected],
    found: _Findings,
    live: bool,
    progress: Callable[[str], None],
) -> tuple[int, int]:
    """How many files are as the journal says, and their bytes."""
    verified = size = 0
    for name, expected in files.items():
        progress(name)
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            found.problem(f"the journal names a file outside the folder: {name}")
        elif not path.is_file():
            if expected.missing:
                found.warnings.append(f"{name}: was lost already when it was recorded")
            else:
                found.problem(f"{name}: is missing")
        elif expected.digest is None:
            text = "is being written" if live and not expected.closed else "has no hash yet"
            found.warnings.append(f"{name}: {text}; the recorder adds it when it starts again")
        elif expected.bytes != path.stat().st_size:
            found.problem(
                f"{name}: was changed: {path.stat().st_size} bytes, recorded {expected.bytes}"
            )
        elif sha256(path) != expected.digest:
            found.problem(f"{name}: was changed: its SHA-256 is not the recorded one")
        else:
            verified += 1
            size += path.stat().st_size
    for name in recordings(folder):
        if name not in files:
            if live:
                found.warnings.append(f"{name}: is not in the journal yet")
            else:
                found.problem(f"{name}: the journal does not know this file")
    return verified, size


def _judge_seals(chain: _Chain, unsealed: int, live: bool, found: _Findings) -> None:
    if live:
        return
    if not chain.seals:
        found.problem("the journal has no valid seal")
    elif unsealed:
        found.warnings.append(
            f"the last {unsealed} lines of the journal are not sealed: the recorder was killed; "
            "they are chained, but not signed"
        )
