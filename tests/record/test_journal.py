"""The chain of the journal: rules 1 to 4 of linkup/record/journal.py."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

import pytest

from linkup.errors import ConflictError
from linkup.record import journal, seal


def written(folder: Path) -> list[journal.Line]:
    return [journal.parse(raw) for raw in journal.raw_lines(folder / journal.NAME)]


def test_lines_are_chained_by_the_hash_of_the_whole_line_before(tmp_path: Path) -> None:
    book = journal.Journal(tmp_path)
    for number in range(5):
        assert book.append("take", "operator:anna", {"take": number}, id=f"t{number}")
    assert book.flush() == ["t0", "t1", "t2", "t3", "t4"]
    book.close()
    raw = list(journal.raw_lines(book.path))
    assert journal.parse(raw[0]).prev == journal.GENESIS
    for before, after in itertools.pairwise(raw):
        assert journal.parse(after).prev == hashlib.sha256(before).hexdigest()
    assert [line.seq for line in written(tmp_path)] == [1, 2, 3, 4, 5]
    assert all(journal.compose(journal.parse(each)) == each for each in raw)


def test_goes_on_where_the_last_run_ended_and_knows_its_ids(tmp_path: Path) -> None:
    first = journal.Journal(tmp_path)
    first.append("take", "operator:anna", {"名": "值"}, id="one")
    first.close()
    second = journal.Journal(tmp_path)
    second.append("take", "operator:anna", {}, id="one")
    second.append("take", "operator:anna", {}, id="two")
    assert second.flush() == ["one", "two"]  # both are on disk, but "one" only once
    second.close()
    lines = written(tmp_path)
    assert [line.id for line in lines] == ["one", "two"]
    assert lines[1].seq == 2


def test_a_torn_last_line_is_moved_aside_and_noted(tmp_path: Path) -> None:
    book = journal.Journal(tmp_path)
    book.append("take", "operator:anna", {}, id="one")
    book.close()
    with book.path.open("ab") as file:
        file.write(b'{"at":"2026')
    again = journal.Journal(tmp_path)
    again.append("take", "operator:anna", {}, id="two")
    again.close()
    lines = written(tmp_path)
    assert [line.kind for line in lines] == ["take", "torn-line", "take"]
    assert (tmp_path / lines[1].data["file"]).read_bytes() == b'{"at":"2026'


def test_only_one_process_writes(tmp_path: Path) -> None:
    book = journal.Journal(tmp_path)
    assert journal.is_written(book.path)
    with pytest.raises(ConflictError):
        journal.Journal(tmp_path)
    book.close()
    assert not journal.is_written(book.path)


def test_a_full_disk_keeps_everything_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = journal.Journal(tmp_path)
    book.append("take", "operator:anna", {}, id="one")
    book.flush()
    real = os.pwrite

    def full(file: int, body: bytes, position: int) -> int:
        if position == size:
            return real(file, bytes(body[:10]), position)
        raise OSError(28, "No space left on device")

    size = book.path.stat().st_size
    book.append("take", "operator:anna", {}, id="two")
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        book.flush()
    assert book.path.stat().st_size == size
    book.append("take", "operator:anna", {}, id="three")
    assert book.waiting == 2
    monkeypatch.setattr(os, "pwrite", real)
    assert book.flush() == ["two", "three"]
    book.close()
    assert [line.id for line in written(tmp_path)] == ["one", "two", "three"]


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_PENDING", 3)
    book = journal.Journal(tmp_path)
    assert [book.append("take", "x", {}) for _ in range(5)] == [True, True, True, False, False]
    book.close()
    assert len(written(tmp_path)) == 3


def test_seal_signs_the_head_and_only_when_something_is_new(tmp_path: Path) -> None:
    key = seal.server_key(tmp_path)
    assert (tmp_path / "keys/archive.pem").stat().st_mode & 0o777 == 0o600
    public = seal.read_public(tmp_path / "keys/archive.pub")
    book = journal.Journal(tmp_path / "river")
    assert not seal.append(book, key, "river")
    book.append("take", "operator:anna", {})
    assert seal.append(book, key, "river")
    assert not seal.append(book, key, "river")
    book.close()
    line = written(tmp_path / "river")[-1]
    assert seal.problem(line, "river", public) == ""
    assert "another consultation" in seal.problem(line, "lake", public)
    other = seal.server_key(tmp_path / "other").public_key()
    assert "another key" in seal.problem(line, "river", other)
    assert seal.server_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
