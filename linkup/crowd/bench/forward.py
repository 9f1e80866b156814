"""Cost of forwarding one packet to one subscriber, beside Debian's Janus under the same load."""

from __future__ import annotations

import asyncio
from typing import Any

from linkup.crowd.bench.figures import machine
from linkup.crowd.bench.janus import installed
from linkup.crowd.bench.loads import Rig, Sample, ours, theirs

LOADS = ((10, 200), (80, 300), (80, 600), (160, 300))  # subscribers, packets/s of the publisher


def run(seconds: float = 3.0, peer: bool = True) -> dict[str, Any]:
    """All loads on ours, then on Janus. `seconds`: how long each is measured."""
    return asyncio.run(_run(seconds, peer))


async def _run(seconds: float, peer: bool) -> dict[str, Any]:
    mine = await _all(ours, seconds)
    other: list[Sample] | None = None
    if peer and installed():
        other = await _all(theirs, seconds)
    rows = [_row(sample, other[index] if other else None) for index, sample in enumerate(mine)]
    return {
        "rows": rows,
        "peer": "janus" if other else None,
        "seconds": seconds,
        "machine": machine(),
    }


async def _all(server: Any, seconds: float) -> list[Sample]:
    async with server() as rig:
        assert isinstance(rig, Rig)
        return [await rig.measure(count, rate, seconds) for count, rate in LOADS]


def _row(mine: Sample, other: Sample | None) -> dict[str, Any]:
    ratio = None if other is None else round(mine.us_per_packet / other.us_per_packet, 3)
    return {
        "subscribers": mine.subscribers,
        "packets_per_s": mine.packets_per_s,
        "us_per_packet": mine.us_per_packet,
        "peer": "janus" if other else None,
        "us_per_packet_peer": other.us_per_packet if other else None,
        "ratio": ratio,
        "loss": round(mine.loss, 6),
        "loss_peer": round(other.loss, 6) if other else None,
        "delivered_per_s": _delivered(mine),
        "delivered_per_s_peer": _delivered(other) if other else None,
        # How hard the generator works: near 1 it would be the limit, not the server.
        "receivers_cpu": round(mine.receivers["cpu_s"] / mine.receivers["seconds"], 3),
        "decrypted": mine.receivers["decrypted"],
        "spoilt": mine.receivers["spoilt"],
    }


def _delivered(sample: Sample) -> int:
    return int(sample.receivers["packets"] / sample.receivers["seconds"])
