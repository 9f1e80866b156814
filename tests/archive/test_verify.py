"""Whatever is changed in an archive is found."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linkup.archive import commands
from linkup.archive.verify import verify
from linkup.errors import MissingError
from linkup.record import journal, seal
from tests.archive.conftest import ID, Archive


def small(data: Path) -> Path:
    """A journal without recordings, sealed."""
    key = seal.server_key(data)
    book = journal.Journal(data / ID)
    book.append("record-started", "system", {"title": {"zh": "会"}, "sites": []}, at_ns=10**18)
    book.append("take", "operator:anna", {"take": 1, "sites": ["hall"]}, at_ns=10**18 + 5)
    seal.append(book, key, ID)
    book.close()
    (data / ID / seal.PUBLIC_NAME).write_bytes(seal.public_pem(key.public_key()))
    return data / ID


def test_a_whole_archive_is_good(archive: Archive) -> None:
    archive.finish()
    report = verify(archive.folder, archive.data / "keys" / seal.PUBLIC_NAME)
    assert report.ok and not report.warnings and not report.unsealed
    assert report.files == report.files_verified == 3
    assert report.bytes == sum(path.stat().st_size for path in archive.folder.rglob("*.m[kp]*"))


def test_verifies_while_it_is_recorded(archive: Archive) -> None:
    archive.book.flush()
    report = verify(archive.folder)
    assert report.ok and len([text for text in report.warnings if "being written" in text]) == 3
    archive.finish()


def test_every_flipped_byte_of_the_journal_is_found(tmp_path: Path) -> None:
    folder = small(tmp_path)
    path = folder / journal.NAME
    whole = path.read_bytes()
    assert verify(folder).ok
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert not verify(folder).ok, f"byte {place}: {whole[place]} → {changed[place]}"


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_removed_or_doubled_line_is_found(tmp_path: Path, line: int) -> None:
    folder = small(tmp_path)
    path = folder / journal.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    report = verify(folder)
    assert not report.ok
    path.write_bytes(b"".join(lines[: line + 1] + lines[line:]))
    assert not verify(folder).ok


def test_a_chain_made_anew_with_another_key_is_found(tmp_path: Path) -> None:
    small(tmp_path)
    forged = small(tmp_path / "forger")
    assert verify(forged).ok  # by itself it is of one piece …
    report = verify(forged, tmp_path / "keys" / seal.PUBLIC_NAME)
    assert not report.ok and "another key" in report.problems[0]


def test_changed_missing_and_extra_files_are_found(archive: Archive) -> None:
    archive.finish()
    hall = next((archive.folder / "sites/hall").iterdir())
    body = bytearray(hall.read_bytes())
    body[len(body) // 2] ^= 1
    hall.write_bytes(body)
    next((archive.folder / "sites/school").iterdir()).unlink()
    (archive.folder / "program/20260101T000000.000Z.mp4").write_bytes(b"x")
    report = verify(archive.folder)
    said = "\n".join(report.problems)
    assert len(report.problems) == 3
    assert "sites/hall" in said and "SHA-256" in said
    assert "is missing" in said and "does not know" in said


def test_lines_behind_the_last_seal_are_told(tmp_path: Path) -> None:
    folder = small(tmp_path)
    book = journal.Journal(folder)
    book.append("take", "operator:anna", {"take": 2})
    book.close()
    report = verify(folder)
    assert report.ok and report.unsealed == 1 and "not sealed" in " ".join(report.warnings)


def test_no_journal(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        verify(tmp_path)


def test_commands(archive: Archive, tmp_path: Path) -> None:
    archive.finish()
    data = ["--data", str(archive.data)]
    run = CliRunner()
    listed = run.invoke(commands.app, ["list", "--json", *data])
    assert json.loads(listed.stdout.splitlines()[-1])["consultations"][0]["id"] == ID
    assert ID in run.invoke(commands.app, ["list", *data]).stdout
    good = run.invoke(commands.app, ["verify", "--json", *data])
    assert good.exit_code == 0 and json.loads(good.stdout.splitlines()[-1])["ok"]

    packed = tmp_path / "river.zip"
    assert run.invoke(commands.app, ["export", ID, str(packed), *data]).exit_code == 0
    away = tmp_path / "away"
    zipfile.ZipFile(packed).extractall(away)
    assert run.invoke(commands.app, ["verify", str(away / ID)]).exit_code == 0

    shutil.rmtree(away / ID / "program")
    bad = run.invoke(commands.app, ["verify", str(away / ID)])
    assert bad.exit_code == 1 and "is missing" in bad.stdout
