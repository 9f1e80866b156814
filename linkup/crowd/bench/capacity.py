"""Event A on this machine: two halls and seventeen branches, a console with the whole wall, the
program mixed and recorded, HLS. The crowd runs on the same machine and is counted by itself."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from linkup.crowd.bench.figures import Meter, machine
from linkup.crowd.bench.stage import Stage, stage
from linkup.crowd.client import Client
from linkup.crowd.offers import Wish
from linkup.crowd.operator import Operator

HALLS, BRANCHES = 2, 17
WALL = Wish(audio=False, video=None, video_slots=24, audio_slots=3)
WARM_S = 3.0
SWITCH_S = 4.0


def run(seconds: float = 15.0, branches: int = BRANCHES) -> dict[str, Any]:
    """CPU in cores by process, what was lost and missed, memory."""
    return asyncio.run(_run(seconds, branches))


async def _run(seconds: float, branches: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        async with stage(Path(place), branches=branches, halls=HALLS) as show:
            wall = Client(WALL)
            await wall.connect(show.console.signal)
            operator = Operator(show.console, SWITCH_S)
            switching = asyncio.create_task(operator.run())
            try:
                await asyncio.sleep(WARM_S)
                result = await _measure(show, wall, seconds)
            finally:
                switching.cancel()
                wall.close()
            result["takes"] = operator.takes
        lost = sum(site.totals.lost for site in show.crowd) + wall.lost()
    return {**result, "packets_lost": lost + result.pop("lost_inside"), "machine": machine()}


async def _measure(show: Stage, wall: Client, seconds: float) -> dict[str, Any]:
    before = dict(await show.server.metrics())
    pids = show.server.pids()
    meter = Meter({**pids, "crowd": os.getpid()})
    meter.start()
    await asyncio.sleep(seconds)
    used = meter.stop()
    after = await show.server.metrics()

    def grown(name: str) -> int:
        return int(after.get(f"linkup_{name}", 0) - before.get(f"linkup_{name}", 0))

    rss = {name: round(_rss_mb(pid), 1) for name, pid in pids.items()}
    shown = sum(slot.counts.frames > 0 for slot in wall.slots if slot.kind == "video")
    return {
        "sites": sum(site.present.is_set() for site in show.crowd),
        "wall_pictures": shown,
        "cores": {name: round(cpu / meter.seconds, 4) for name, cpu in used.items()},
        "packets_in_per_s": round(grown("media_packets_in_total") / meter.seconds),
        "packets_out_per_s": round(grown("media_packets_out_total") / meter.seconds),
        "program_frames": grown("program_frames_total"),
        "program_frames_missed": grown("program_missed_total"),
        "hls_segments": grown("program_hls_segments_total"),
        "record_packets_dropped": grown("record_dropped_total"),
        "lost_inside": grown("media_lost_inside_total"),
        "rss_mb": round(sum(rss.values()), 1),
        "rss_mb_by_process": rss,
        "seconds": seconds,
    }


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
