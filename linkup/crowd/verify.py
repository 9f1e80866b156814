"""Are the recordings whole? Each file is decoded from the first packet to the last.

Not `linkup archive verify`, which proves that nobody changed them: here the question is whether
they play. Runs in a process of its own, since a hostile file may take a decoder down.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av

SKEW_S = 0.5  # sound and picture of one file may end so far apart
LONG_S = 900.0  # longer files: only key frames are decoded, or the check takes half as long again


@dataclass(frozen=True)
class Verdict:
    """One file."""

    file: str
    ok: bool
    text: str
    bytes: int
    seconds: float
    pictures: int
    sounds: int


def verify_file(file: Path) -> Verdict:
    """Decode one recording."""
    size = file.stat().st_size
    try:
        pictures, sounds, ends = _decode(file)
    except (av.FFmpegError, ValueError, OSError) as error:
        return Verdict(file.name, False, f"does not decode: {error}", size, 0.0, 0, 0)
    seconds = max(ends.values(), default=0.0)
    text = "ok"
    if not pictures and not sounds:
        text = "contains neither picture nor sound"
    elif len(ends) == 2 and abs(ends["video"] - ends["audio"]) > SKEW_S:
        text = f"picture ends at {ends['video']:.2f} s, sound at {ends['audio']:.2f} s"
    return Verdict(file.name, text == "ok", text, size, round(seconds, 3), pictures, sounds)


def _decode(file: Path) -> tuple[int, int, dict[str, float]]:
    counts = {"video": 0, "audio": 0}
    ends: dict[str, float] = {}
    with av.open(str(file)) as container:
        streams = [each for each in container.streams if each.type in counts]
        long = (container.duration or 0) / 1e6 > LONG_S
        for stream in container.streams.video:
            stream.thread_type = "AUTO"
            if long:
                stream.codec_context.skip_frame = "NONKEY"
        for packet in container.demux(streams):
            kind = packet.stream.type
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[kind] = max(ends.get(kind, 0.0), end)
            counts[kind] += len(packet.decode())
    return counts["video"], counts["audio"], ends


def recordings(folder: Path, since: float) -> list[Path]:
    """Files of one consultation that were written after `since` (UTC seconds), without live HLS."""
    found = [*folder.rglob("*.mkv"), *folder.rglob("*.webm"), *folder.rglob("*.mp4")]
    return sorted(
        file
        for file in found
        if "hls" not in file.relative_to(folder).parts and file.stat().st_mtime >= since
    )


def started(file: Path) -> float | None:
    """UTC seconds at which a file begins, from its name `20261122T140953.144Z.mkv`."""
    stamp = file.name.split("Z")[0]
    for form in ("%Y%m%dT%H%M%S.%f", "%Y%m%dT%H%M%S"):
        try:
            moment = datetime.datetime.strptime(stamp, form)
        except ValueError:
            continue
        return moment.replace(tzinfo=datetime.UTC).timestamp()
    return None


def verify_all(files: list[Path], workers: int = 2) -> list[Verdict]:
    """All files, two at a time, each in a process of its own."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_apart, files))


def _apart(file: Path) -> Verdict:
    command = [sys.executable, "-m", "linkup.crowd.verify", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return Verdict(**values)
    except (IndexError, ValueError, TypeError):
        text = f"the decoder ended with {done.returncode}: {done.stderr[-200:]}"
        return Verdict(file.name, False, text, file.stat().st_size, 0.0, 0, 0)


if __name__ == "__main__":
    print(json.dumps(asdict(verify_file(Path(sys.argv[1])))))
