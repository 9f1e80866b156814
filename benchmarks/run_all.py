"""`make bench`: every benchmark in turn, one table, one JSON file under benchmarks/out/.

    python benchmarks/run_all.py [--only forward,mix] [--repeat N]

Each runs as `linkup bench NAME --json` in a process of its own, so that none warms another.
With `--repeat` the run whose machine was quietest counts; all runs are in the JSON file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

NAMES = ("forward", "latency", "mix", "record", "join", "capacity")
OUT = Path(__file__).parent / "out"
TIMEOUT_S = 180


def run(name: str) -> dict[str, Any]:
    """One benchmark; what it printed, or why it failed."""
    command = [sys.executable, "-m", "linkup", "bench", name, "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {TIMEOUT_S} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"error": done.stderr.strip()[-500:] or f"ended with {done.returncode}"}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def lines(name: str, result: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """`(what, ours, peer, ratio)` of one result."""
    if "error" in result:
        return [(name, "failed", result["error"][:60], "")]
    if name == "forward":
        return [
            (
                f"forward {row['subscribers']} × {row['packets_per_s']}/s, µs/packet",
                str(row["us_per_packet"]), str(row["us_per_packet_peer"] or "–"),
                str(row["ratio"] or "–"),
            )
            for row in result["rows"]
        ]  # fmt: skip
    if name == "latency":
        return [
            (f"{key}, p50 / p95 / p99", " / ".join(map(str, result[key].values())), "–", "–")
            for key in ("forward_ms", "take_ms")
        ]
    if name == "join":
        values = result["first_picture_ms"]
        return [
            ("join to first picture, ms, p50 / p95", f"{values['p50']} / {values['p95']}", "–", "–")
        ]
    if name == "capacity":
        cores = "  ".join(f"{each} {used}" for each, used in result["cores"].items())
        lost = f"{result['packets_lost']} lost, {result['program_frames_missed']} missed"
        return [(f"{result['sites']} sites, cores", cores, "–", lost)]
    return [(f"{name}, cores", str(result["cpu"]), str(result["cpu_peer"]), str(result["ratio"]))]


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES), help="comma-separated names")
    parser.add_argument("--repeat", type=int, default=1, help="times that each is run")
    given = parser.parse_args()
    console = Console()
    table = Table("measured", "linkup", "peer", "ratio", title="linkup bench")
    results: dict[str, list[dict[str, Any]]] = {}
    for name in given.only.split(","):
        with console.status(f"bench {name} …"):
            results[name] = [run(name) for _ in range(given.repeat)]
        best = min(results[name], key=lambda each: each.get("machine", {}).get("load", 1e9))
        for line in lines(name, best):
            table.add_row(*line)
    console.print(table)
    OUT.mkdir(exist_ok=True)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    for file in (OUT / f"bench-{stamp}.json", OUT / "latest.json"):
        file.write_text(text, encoding="utf-8")
    console.print(f"written: {OUT / 'latest.json'}")
    return int(any("error" in each for runs in results.values() for each in runs))


if __name__ == "__main__":
    raise SystemExit(main())
