"""What takes minutes: `make soak`. Not part of `make test`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.record.test_writer import hostile

pytestmark = pytest.mark.soak


def test_fifty_thousand_hostile_files(tmp_path: Path) -> None:
    for seed in range(50_000):
        path = tmp_path / "file"
        hostile(path, seed)
        path.unlink()


def test_ten_minutes_on_air(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "linkup", "demo", "--branches", "3", "--seconds", "600", "--json",
         "--data", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, result["problems"]
    assert result["sites_joined"] == 4
    assert result["packets_lost"] == 0
    assert result["recordings_verified"] == 5  # one file a site, one of the program
