"""CPU of the program process beside the `ffmpeg` command line doing the same: two 720p VP8
sources side by side under a strip with alpha, two voices mixed, H.264 and AAC as HLS.

CPU is taken for each frame that was made and then given for the program's frame rate: a machine
that is too busy makes fewer frames, and must not look cheaper for it.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from linkup.config import Settings
from linkup.crowd import clips
from linkup.crowd.bench.encoders import ffmpeg, measure_frames
from linkup.crowd.bench.figures import Meter, machine
from linkup.crowd.bench.stage import cache
from linkup.crowd.bench.stand_in import alone
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.looks import Look
from linkup.crowd.running import fit, log_to
from linkup.errors import PeerError
from linkup.messages import AnyMessage, Compose, Picture, ProgramStats, Strip
from linkup.program import fonts

WARM_S = 4.0  # imports, decoders, the first segment
STRIP = Strip(name="李明", title="省政协副主席")


def run(seconds: float = 14.0) -> dict[str, Any]:
    """CPU of ours, of ffmpeg, and their ratio."""
    return asyncio.run(_run(seconds))


async def _run(seconds: float) -> dict[str, Any]:
    looks = [Look(0, "main", "主会场"), Look(1, "school", "育才学校分会场")]
    kitchen = Kitchen(cache())
    made = recipes(looks)
    footage = {recipe.look.site: await kitchen.clip(recipe) for recipe in made}
    kitchen.close()
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        folder = Path(place)
        file, settings = fit(None, folder / "bench", branches=1, loopback=True)
        mine = await _ours(file, folder, footage, seconds, settings.program.fps)
        files = [(cache() / recipe.file_name()).absolute() for recipe in made]
        peer = await _theirs(folder, settings, files, seconds)
    return {
        "cpu": round(mine["cpu"], 4),
        "cpu_peer": None if peer is None else round(peer, 4),
        "ratio": None if peer is None else round(mine["cpu"] / peer, 3),
        "peer": None if peer is None else "ffmpeg",
        "seconds": seconds,
        "frames": mine["frames"],
        "program_frames_missed": mine["missed"],
        "tap_dropped": mine["dropped"],
        "width": settings.program.width,
        "fps": settings.program.fps,
        "machine": machine(),
    }


async def _ours(
    file: Path, folder: Path, footage: dict[str, clips.Clip], seconds: float, fps: int
) -> dict[str, Any]:
    feeds = list(footage)

    def greeting() -> list[AnyMessage]:
        shown = Picture(layout="side", feeds=feeds, strip=STRIP)
        return [Compose(take=1, on_air=shown, microphones=feeds)]

    with log_to(folder / "bench" / "program.log"):
        async with alone("program", file, folder, footage, greeting) as process:
            await asyncio.sleep(WARM_S)
            before = process.control.facts.get(ProgramStats)
            meter = Meter({"program": process.pid})
            meter.start()
            await asyncio.sleep(seconds)
            after = process.control.facts.get(ProgramStats)
            used = meter.stop()["program"]
            dropped = process.tap.dropped
    if before is None or after is None or after.frames == before.frames:
        raise PeerError("mix", "the program process made no frames")
    # Counted between the program's own two messages, which may be a second older than `used`.
    rate = (after.frames - before.frames) * 1e9 / (after.at - before.at)
    return {
        "cpu": used / meter.seconds / rate * fps,
        "frames": after.frames - before.frames,
        "missed": after.missed - before.missed,
        "dropped": dropped,
    }


async def _theirs(
    folder: Path, settings: Settings, files: list[Path], seconds: float
) -> float | None:
    program = ffmpeg()
    if program is None:
        return None
    size = settings.program
    strip = folder / "strip.png"
    _draw_strip(strip, size.width, size.height)
    command = _command(program, files, strip, settings, folder / "peer")
    return await measure_frames(command, WARM_S, seconds) * size.fps


def _command(
    program: str, files: list[Path], strip: Path, settings: Settings, out: Path
) -> list[str]:
    size = settings.program
    half = f"{size.width // 2}:{size.height // 2}"
    graph = (
        f"color=c=0x101820:s={size.width}x{size.height}:r={size.fps}[ground];"
        f"[0:v]fps={size.fps},scale={half}:flags=bilinear[left];"
        f"[1:v]fps={size.fps},scale={half}:flags=bilinear[right];"
        f"[ground][left]overlay=0:{size.height // 4}:shortest=1[one];"
        f"[one][right]overlay={size.width // 2}:{size.height // 4}[two];"
        f"[two][2:v]overlay=0:0,format=yuv420p[picture];"
        "[0:a][1:a]amix=inputs=2:normalize=0,alimiter=limit=0.95[sound]"
    )
    out.mkdir(parents=True, exist_ok=True)
    inputs = [part for file in files for part in ("-re", "-stream_loop", "-1", "-i", str(file))]
    interval = str(size.fps * size.segment_s)
    return [
        program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-progress", "pipe:1",
        "-threads", "1", *inputs, "-loop", "1", "-framerate", "1", "-i", str(strip),
        "-filter_complex_threads", "1", "-filter_complex", graph,
        "-map", "[picture]", "-map", "[sound]",
        "-c:v", "libx264", "-preset", size.preset, "-tune", "zerolatency", "-bf", "0",
        "-b:v", f"{size.video_kbps}k", "-maxrate", f"{size.video_kbps}k",
        "-bufsize", f"{size.video_kbps}k", "-g", interval, "-keyint_min", interval,
        "-sc_threshold", "0", "-threads", "1",
        "-c:a", "aac", "-b:a", f"{size.audio_kbps}k", "-ar", "48000", "-ac", "2",
        "-f", "hls", "-hls_time", str(size.segment_s), "-hls_segment_type", "fmp4",
        "-hls_flags", "delete_segments", str(out / "index.m3u8"),
    ]  # fmt: skip


def _draw_strip(file: Path, width: int, height: int) -> None:
    """A lower third with alpha, of the size of ours; the rest is clear."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    top, high = round(height * 0.76), round(height * 0.15)
    box = (width // 16, top, width // 16 + width // 2, top + high)
    draw.rounded_rectangle(box, radius=8, fill=(16, 24, 32, 210))
    draw.text((box[0] + 24, top + 12), STRIP.name, "white", font=fonts.font(high // 2, bold=True))
    draw.text((box[0] + 24, top + high * 0.6), STRIP.title, "white", font=fonts.font(high // 4))
    image.save(file)
