"""CPU of recording one site (picture and sound) beside `ffmpeg -c copy` of the same clip."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from linkup.crowd.bench.encoders import ffmpeg, measure_process
from linkup.crowd.bench.figures import Meter, machine
from linkup.crowd.bench.stage import cache
from linkup.crowd.bench.stand_in import alone
from linkup.crowd.clips import Clip
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.looks import Look
from linkup.crowd.running import fit, log_to
from linkup.messages import RecordStats

WARM_S = 2.0
MANY = 8  # sites recorded at once, for the cost of one more


def run(seconds: float = 10.0) -> dict[str, Any]:
    """One site by ours, the same by ffmpeg, then eight sites by ours."""
    return asyncio.run(_run(seconds))


async def _run(seconds: float) -> dict[str, Any]:
    recipe = recipes([Look(0, "main", "主会场")])[0]
    kitchen = Kitchen(cache())
    clip = await kitchen.clip(recipe)
    kitchen.close()
    one = await _ours(1, clip, seconds)
    many = await _ours(MANY, clip, seconds)
    program = ffmpeg()
    peer = None
    if program is not None:
        with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
            source = (cache() / recipe.file_name()).absolute()
            command = [
                program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
                "-re", "-stream_loop", "-1", "-i", str(source), "-c", "copy",
                "-flush_packets", "1", str(Path(place, "copy.mkv")),
            ]  # fmt: skip
            peer = await measure_process(command, WARM_S, seconds)
    return {
        "cpu": round(one["cpu"], 5),
        "cpu_peer": None if peer is None else round(peer, 5),
        "ratio": None if peer is None else round(one["cpu"] / peer, 3),
        "peer": None if peer is None else "ffmpeg",
        "cpu_per_site_of_many": round(many["cpu"] / MANY, 5),
        "many": MANY,
        "seconds": seconds,
        "bytes": one["bytes"],
        "dropped": one["dropped"] + many["dropped"],
        "machine": machine(),
    }


async def _ours(sites: int, clip: Clip, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        folder = Path(place)
        file, settings = fit(None, folder / "bench", branches=MANY, loopback=True)
        clips = {site.id: clip for site in settings.sites[:sites]}
        with log_to(folder / "bench" / "record.log"):
            async with alone("record", file, folder, clips, list) as process:
                await asyncio.sleep(WARM_S)
                meter = Meter({"record": process.pid})
                meter.start()
                await asyncio.sleep(seconds)
                used = meter.stop()["record"] / meter.seconds
                stats = process.control.facts.get(RecordStats)
                dropped = process.tap.dropped + (stats.dropped if stats else 0)
                written = stats.bytes if stats else 0
    return {"cpu": used, "bytes": written, "dropped": dropped}
