"""Time that the server adds: to a packet on its way, and to a take on its way to air."""

from __future__ import annotations

import asyncio
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from linkup import clock
from linkup.crowd.bench.figures import machine, quantiles
from linkup.crowd.bench.loads import ours
from linkup.crowd.bench.stage import Stage, stage
from linkup.crowd.pages import Refused

SUBSCRIBERS, PACKETS_PER_S, PROBES = 80, 600, 4
TAKE_EVERY_S = 1.1


def run(seconds: float = 6.0, takes: int = 15) -> dict[str, Any]:
    """`forward_ms` under 80 × 600 packets/s, then `take_ms` of so many takes."""
    return asyncio.run(_run(seconds, takes))


async def _run(seconds: float, takes: int) -> dict[str, Any]:
    async with ours(PROBES) as rig:
        sample = await rig.measure(SUBSCRIBERS, PACKETS_PER_S, seconds)
    latencies = [value / 1000 for value in sample.receivers["latencies_us"]]
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        async with stage(Path(place), branches=1) as show:
            sent = await _take(show, takes)
        air = _on_air(Path(place), show.server.settings.consultation.id)
    delays = [(air[take] - at) / 1e6 for take, at in sent.items() if take in air]
    return {
        "forward_ms": quantiles(latencies),
        "take_ms": quantiles(delays, 1),
        "forward_packets": len(latencies),
        "subscribers": SUBSCRIBERS,
        "packets_per_s": PACKETS_PER_S,
        "loss": sample.loss,
        "takes": len(delays),
        "machine": machine(),
    }


async def _take(show: Stage, takes: int) -> dict[int, int]:
    """Cut to and fro; UTC ns at which each take was sent, by its number."""
    sites = [site.id for site in show.server.settings.sites]
    sent: dict[int, int] = {}
    for number in range(takes + 1):
        # The seconds between takes are no multiple of a frame, so that each meets another phase.
        site = sites[number % len(sites)]
        before = show.console.state["on_air"]["take"]
        await show.console.ask("preview", layout="full", sites=[site])
        await asyncio.sleep(TAKE_EVERY_S + number % 7 * 0.0047)
        at = clock.utc_ns()
        try:
            await show.console.ask("take", mode="cut")
        except Refused:
            continue  # the first site may be on air already
        if await show.console.until(partial(_later, before), 2):
            sent[show.console.state["on_air"]["take"]] = at
    await asyncio.sleep(1.2)  # the last ones reach the journal
    return sent


def _later(take: int, state: dict[str, Any]) -> bool:
    return bool(state["on_air"]["take"] > take)


def _on_air(data: Path, consultation: str) -> dict[int, int]:
    """From the journal: UTC ns of the program frame with which each take went on air."""
    found: dict[int, int] = {}
    for line in (data / consultation / "journal.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["kind"] == "on-air" and "take" in entry["data"]:
            found.setdefault(int(entry["data"]["take"]), int(entry["at_ns"]))
    return found
