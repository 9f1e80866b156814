"""Runs pure.test.ts under node: what the public pages decide without drawing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ESBUILD = ROOT / "web" / "node_modules" / ".bin" / "esbuild"


def test_pure_parts(tmp_path: Path) -> None:
    """Tables of time maps, moments, scales, stories."""
    path = os.pathsep.join([str(ROOT / ".venv" / "node"), os.environ.get("PATH", "")])
    node = shutil.which("node", path=path)
    assert node is not None and ESBUILD.exists(), (
        "run `make setup`: the pages' packages are missing"
    )
    bundle = tmp_path / "pure.test.mjs"
    source = Path(__file__).with_name("pure.test.ts")
    options = ["--bundle", "--platform=node", "--format=esm", f"--outfile={bundle}"]
    environment = {**os.environ, "PATH": path}
    subprocess.run(
        [str(ESBUILD), str(source), *options, "--log-level=error"], check=True, env=environment
    )
    done = subprocess.run(
        [node, "--test", str(bundle)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
