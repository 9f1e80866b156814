"""The journal: everything that happened, one JSON line each, chained by hashes.

Rules:

1. A line is canonical JSON (keys sorted, no spaces, UTF-8) and a newline; nothing else.
2. `seq` counts from 1; `prev` is the SHA-256 of the whole line before, newline included
   (64 zeros in the first line), so that `sed -n 5p journal.jsonl | sha256sum` gives the `prev`
   of line 6. Whoever changes, removes or inserts a line breaks every line after it.
3. Lines are only ever appended. A last line that was cut off by a crash is moved to a side file
   and noted.
4. A "seal" line signs the head (`linkup.record.seal`), so the chain cannot be made anew.

One process writes a journal at a time: it holds an exclusive `flock` on the file, by which readers
also see that the recording is live.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linkup import clock
from linkup.errors import ConflictError

NAME = "journal.jsonl"
GENESIS = "0" * 64
MAX_PENDING = 50_000  # lines kept while the disk takes none
RECENT_IDS = 20_000  # ids remembered to refuse what was already written
TAIL = 8 * 1024 * 1024  # bytes read at start to learn the head and the recent ids

_KEYS = {"at", "at_ns", "data", "id", "kind", "prev", "seq", "who"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `at_ns`: UTC nanoseconds since 1970; `at` in the file is the same in ISO 8601."""

    seq: int
    at_ns: int
    kind: str
    who: str
    data: dict[str, Any]
    id: str
    prev: str


def compose(line: Line) -> bytes:
    """The bytes of a line, newline included. Raises `ValueError` on what JSON cannot say."""
    body = {
        "at": clock.iso(line.at_ns),
        "at_ns": line.at_ns,
        "data": line.data,
        "id": line.id,
        "kind": line.kind,
        "prev": line.prev,
        "seq": line.seq,
        "who": line.who,
    }
    text = json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"


def parse(raw: bytes) -> Line:
    """A line from its bytes. Raises `ValueError` when it is not one; does not check the chain."""
    body = json.loads(raw)
    if not isinstance(body, dict) or set(body) != _KEYS:
        raise ValueError("not a journal line: wrong keys")
    del body["at"]
    line = Line(**body)
    numbers = isinstance(line.seq, int) and isinstance(line.at_ns, int)
    texts = all(isinstance(each, str) for each in (line.kind, line.who, line.id, line.prev))
    if not numbers or not texts or not isinstance(line.data, dict):
        raise ValueError("not a journal line: wrong types")
    return line


def digest(raw: bytes) -> str:
    """SHA-256 of a whole line in hex: the `prev` of the next one."""
    return hashlib.sha256(raw).hexdigest()


def raw_lines(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Every complete line from a byte offset on; a line without newline at the end is left out."""
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if raw.endswith(b"\n"):
                yield raw


def is_written(path: Path) -> bool:
    """Does a process hold this journal open for writing right now?"""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


@dataclass
class _Pending:
    raw: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


class Journal:
    """The writing end. `append` never touches the disk; `flush` does. Safe between threads."""

    def __init__(self, folder: Path) -> None:
        """Opens or creates `{folder}/journal.jsonl`.

        Raises `OSError`; `ConflictError` when another process writes it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME
        self.seq = 0
        self.head = GENESIS
        self.last_kind = ""
        self._size = 0  # bytes of whole lines in the file
        self._lock = threading.Lock()  # the chain and what waits
        self._disk = threading.Lock()  # one flush at a time
        self._pending = _Pending()
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise ConflictError(
                "journal-busy", f"{self.path} is being written by another process"
            ) from None
        try:
            self._recover()
        except BaseException:
            os.close(self._file)
            raise

    def append(
        self,
        kind: str,
        who: str,
        data: dict[str, Any] | Callable[[Line], dict[str, Any]],
        *,
        at_ns: int | None = None,
        id: str = "",
    ) -> bool:
        """Put a line at the end of the chain; it is on disk after the next `flush`.

        `at_ns` is UTC (now when not given). An `id` that was already written is ignored (and told
        again by the next `flush`). `data` may be a function of the line without data, for lines
        that speak of their own place in the chain. False: too much waits already.
        """
        with self._lock:
            if id and id in self._ids:
                self._pending.ids.append(id)
                return True
            if len(self._pending.raw) >= MAX_PENDING:
                return False
            seq = self.seq + 1
            when = clock.utc_ns() if at_ns is None else at_ns
            line = Line(seq, when, kind, who, {}, id or f"{kind}-{seq}", self.head)
            body = data(line) if callable(data) else data
            raw = compose(Line(seq, when, kind, who, body, line.id, self.head))
            self.seq, self.head, self.last_kind = seq, digest(raw), kind
            self._pending.raw.append(raw)
            if id:
                self._pending.ids.append(id)
                self._remember(id)
        return True

    def flush(self) -> list[str]:
        """Write and fsync what waits; the ids that are on disk now.

        Raises `OSError`: then nothing is lost, the file ends with a whole line, and the next call
        tries everything again.
        """
        with self._disk:
            with self._lock:
                taken, self._pending = self._pending, _Pending()
            if not taken.raw:
                return taken.ids
            try:
                self._write(b"".join(taken.raw))
            except OSError:
                with self._lock:
                    taken.raw += self._pending.raw
                    taken.ids += self._pending.ids
                    self._pending = taken
                raise
            return taken.ids

    @property
    def waiting(self) -> int:
        """Lines that are not on disk."""
        return len(self._pending.raw)

    def close(self) -> None:
        """Flush and give the file free. Raises `OSError` when the last lines cannot be written."""
        try:
            self.flush()
        finally:
            os.close(self._file)

    def _write(self, body: bytes) -> None:
        view, position = memoryview(body), self._size
        try:
            while view:
                written = os.pwrite(self._file, view, position)
                position += written
                view = view[written:]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)  # never a torn line in the middle
            raise
        self._size = position

    def _remember(self, id: str) -> None:
        self._ids[id] = None
        while len(self._ids) > RECENT_IDS:
            self._ids.popitem(last=False)

    def _recover(self) -> None:
        """Learn head and ids from the end of the file; move a torn last line aside."""
        size = os.fstat(self._file).st_size
        start = max(0, size - TAIL)
        tail = os.pread(self._file, size - start, start)
        end = tail.rfind(b"\n") + 1
        torn = tail[end:]
        lines = tail[:end].splitlines(keepends=True)
        if start:
            lines = lines[1:]  # the first is cut off by where we began to read
        for raw in lines:
            try:
                self._remember(parse(raw).id)
            except ValueError:
                continue  # `archive verify` will say so; the chain goes on behind it
        if lines:
            self.head = digest(lines[-1])
            try:
                last = parse(lines[-1])
                self.seq, self.last_kind = last.seq, last.kind
            except ValueError:
                self.seq = sum(1 for _ in raw_lines(self.path))
        self._size = size - len(torn)
        if torn:
            self._move_aside(torn)

    def _move_aside(self, torn: bytes) -> None:
        side = self.path.with_name(f"journal.torn-{self.seq + 1}")
        side.write_bytes(torn)
        os.ftruncate(self._file, self._size)
        os.fsync(self._file)
        told = {"file": side.name, "bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
        self.append("torn-line", "system", told)
