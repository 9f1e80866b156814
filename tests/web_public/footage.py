"""Real media for the pages to play, made once a session by the ffmpeg command line.

The same moments three times, in the forms that linkup has: the live broadcast (H.264 and AAC as
renditions of their own, fragmented MP4, two-second segments), the program's recording (both in one
file, named by byte ranges) and a site's recording (VP8 and Opus in WebM).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SEGMENT_S = 2
FPS = 25


@dataclass(frozen=True)
class Footage:
    """A folder of media that is `seconds` long, a multiple of the two seconds of a segment."""

    folder: Path
    seconds: int

    @property
    def segments(self) -> int:
        return self.seconds // SEGMENT_S

    def recording_lines(self) -> list[tuple[str, str]]:
        """Of each segment of `program.m4s`: its EXTINF and its EXT-X-BYTERANGE line."""
        lines = (self.folder / "program.m3u8").read_text().splitlines()
        durations = [line for line in lines if line.startswith("#EXTINF")]
        ranges = [line for line in lines if line.startswith("#EXT-X-BYTERANGE")]
        return list(zip(durations, ranges, strict=True))

    def recording_map(self) -> str:
        """The byte range of the initialization section of `program.m4s`."""
        text = (self.folder / "program.m3u8").read_text()
        return text.split('BYTERANGE="')[1].split('"')[0]


VIDEO = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p"]
VIDEO += ["-g", str(FPS * SEGMENT_S), "-keyint_min", str(FPS * SEGMENT_S), "-sc_threshold", "0"]
VIDEO += ["-b:v", "600k"]
AUDIO = ["-c:a", "aac", "-b:a", "64k", "-ac", "1"]
HLS = ["-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_segment_type", "fmp4"]
HLS += ["-hls_playlist_type", "vod"]


def make_footage(folder: Path, seconds: int = 60) -> Footage:
    """Encode everything into `folder` (a few seconds of work)."""
    folder.mkdir(parents=True, exist_ok=True)
    both = _sources("testsrc2=size=480x270", 440, seconds)
    recording = folder / "program.m4s"
    single = ["-hls_flags", "single_file", "-hls_segment_filename", str(recording)]
    _ffmpeg(*both, *VIDEO, *AUDIO, *HLS, *single, str(folder / "program.m3u8"))
    made = ["-i", str(folder / "program.m3u8")]
    for kind, stream in (("video", "0:v"), ("audio", "0:a")):
        names = ["-hls_fmp4_init_filename", f"{kind}-init.mp4"]
        names += ["-hls_segment_filename", str(folder / f"{kind}-%03d.m4s")]
        _ffmpeg(*made, "-map", stream, "-c", "copy", *HLS, *names, str(folder / f"{kind}.m3u8"))
    _ffmpeg(
        *_sources("smptebars=size=320x180", 330, seconds),
        *("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "200k"),
        *("-c:a", "libopus", "-b:a", "32k", "-ac", "1"),
        str(folder / "site.webm"),
    )
    return Footage(folder, seconds)


def _sources(picture: str, tone: int, seconds: int) -> list[str]:
    return [
        *("-f", "lavfi", "-i", f"{picture}:rate={FPS}:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=48000:duration={seconds}"),
    ]


def _ffmpeg(*arguments: str) -> None:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, check=True, timeout=120)
