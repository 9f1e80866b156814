"""One file: whatever times a source gives, the muxers neither abort the process nor move a track.

libavformat ends the process by an assertion where packets of a file contradict each other (a time
before the file's beginning, a duration that reaches beyond the next packet), and crashes on H.264
without parameter sets. A busy machine makes all of them.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import pytest

from linkup.record.tracks import Unit
from linkup.record.writer import Container, Content, SegmentFile

START = 10**12
MS = 10**6
OPTIONS = {
    "libvpx": {"deadline": "realtime", "lag-in-frames": "0"},
    "libx264": {"tune": "zerolatency", "preset": "ultrafast", "x264-params": "repeat-headers=1"},
}


@cache
def frames(encoder: str) -> list[tuple[bytes, bool]]:
    """Forty coded pictures, the first of them a key frame."""
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 320, 180, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.options = OPTIONS[encoder]
    coded = []
    for number in range(40):
        frame = av.VideoFrame(320, 180, "yuv420p")
        frame.pts = number
        for plane in frame.planes:
            plane.update(bytes([number * 5]) * plane.buffer_size)
        coded += [(bytes(packet), packet.is_keyframe) for packet in context.encode(frame)]
    return coded


def picture(number: int, time_ms: float, encoder: str = "libx264") -> Unit:
    data, keyframe = frames(encoder)[number]
    time = START + round(time_ms * MS)
    return Unit(data, time, time, keyframe, width=320, height=180)


def sound(time_ms: float, size: int = 60) -> Unit:
    time = START + round(time_ms * MS)
    return Unit(b"\xfc" + os.urandom(size), time, time, True, duration=20 * MS)


def hostile(path: Path, seed: int) -> None:
    """A file of units whose times jump, stand still and go back."""
    dice = random.Random(seed)
    video = dice.choice(["vp8", "h264", None])
    audio = video is None or dice.random() < 0.8
    container: Container = "mp4" if video != "vp8" and dice.random() < 0.5 else "matroska"
    file = SegmentFile(path, container, Content(video, audio, 320, 180), START)  # type: ignore[arg-type]
    encoder = "libvpx" if video == "vp8" else "libx264"
    now = 0.0
    for _ in range(dice.choice([0, 1, 2, 3, 5, 40])):
        now += dice.choice([0, 0.000001, 1, 33, 33, 5000, -100])
        if video and dice.random() < 0.6:
            file.write("video", picture(dice.choice([0, 0, dice.randrange(40)]), now, encoder))
        if audio and dice.random() < 0.7:
            file.write("audio", sound(now + dice.uniform(-100, 100), dice.choice([0, 3, 900])))
    file.close(append_only=dice.random() < 0.3)


def test_no_times_abort_the_process(tmp_path: Path) -> None:
    for seed in range(600):
        hostile(tmp_path / f"{seed}", seed)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_each_track_keeps_its_own_time(tmp_path: Path, container: Container) -> None:
    path = tmp_path / "file"
    file = SegmentFile(path, container, Content("h264", True, 320, 180), START)
    for number in range(30):
        file.write("video", picture(number, 500 + number * 33))
    for number in range(60):
        file.write("audio", sound(300 + number * 20))
    file.close()
    starts: dict[str, float] = {}
    with av.open(str(path)) as opened:
        for packet in opened.demux():
            if packet.pts is not None and packet.time_base is not None:
                starts.setdefault(packet.stream.type, float(packet.pts * packet.time_base))
    assert starts["video"] - starts["audio"] == pytest.approx(0.2, abs=0.01)


def test_a_file_begins_where_a_decoder_can(tmp_path: Path) -> None:
    path = tmp_path / "file"
    file = SegmentFile(path, "mp4", Content("h264", False, 320, 180), START)
    for number in (5, 6, 0, 1, 2):
        file.write("video", picture(number, number * 33 + 100))
    file.close()
    assert file.video_frames == 3
    with av.open(str(path)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 3
