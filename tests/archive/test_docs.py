"""docs/archive.md is true: its commands work, and it lists every kind the recorder writes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.archive.conftest import Archive

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs/archive.md").read_text(encoding="utf-8")


def test_a_seal_is_verified_by_hand_as_described(archive: Archive) -> None:
    archive.finish()
    section = DOCUMENT.split("### By hand")[1]
    script = next(
        block for block in section.split("```") if "openssl" in block and "line=" in block
    )
    script = script.split("\n", 1)[1]
    good = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=archive.folder, capture_output=True, text=True
    )
    assert "Verified Successfully" in good.stdout, good.stderr
    (archive.folder / "sealed.txt").unlink()
    journal = archive.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"seq":', b'"seq":1'))
    bad = subprocess.run(
        ["bash", "-u", "-c", script], cwd=archive.folder, capture_output=True, text=True
    )
    assert "Verified Successfully" not in bad.stdout


def test_every_kind_is_listed() -> None:
    written: set[str] = set()
    for path in (ROOT / "linkup/record").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r"note\(\s*\"([a-z-]+)\"", text))
        written |= set(re.findall(r"\.append\(\"([a-z-]+)\", \"system\"", text))
    assert {"record-started", "segment-closed", "gap", "torn-line"} <= written
    listed = set(re.findall(r"`([a-z-]+)`", DOCUMENT))
    assert written <= listed
