"""HLS: what is written is a standards-conforming, endless, independent stream."""

from __future__ import annotations

import re
from pathlib import Path

import av

from linkup.broadcast.hls import Hls, Segment, Window
from tests.broadcast.conftest import FPS, Encoders


async def _write(folder: Path, encoders: Encoders, seconds: float, window_s: float = 60) -> Hls:
    hls = Hls(folder, *encoders.parameters(), segment_s=2, window_s=window_s)
    for packet in encoders.packets(seconds):
        hls._queue.put((packet, False))  # waits where the real clock would
    await hls.close()
    return hls


async def test_whole_stream_decodes(tmp_path: Path, encoders: Encoders) -> None:
    hls = await _write(tmp_path, encoders, 7)
    with av.open(str(tmp_path / "index.m3u8")) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == 7 * FPS
    with av.open(str(tmp_path / "audio.m3u8")) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples - 7 * 48_000) < 3 * 1024
    assert hls.state().dropped == 0


async def test_segments_are_independent_and_aligned(tmp_path: Path, encoders: Encoders) -> None:
    await _write(tmp_path, encoders, 7)
    playlist = (tmp_path / "video.m3u8").read_text()
    assert re.findall(r"#EXTINF:([\d.]+)", playlist) == ["2.00000"] * 3 + ["1.00000"]
    init = (tmp_path / re.findall(r'URI="([^"]+)"', playlist)[0]).read_bytes()
    for name in re.findall(r"^video-\d+\.m4s$", playlist, re.M):
        part = tmp_path / "one.mp4"
        part.write_bytes(init + (tmp_path / name).read_bytes())
        with av.open(str(part)) as container:
            first = next(container.decode(video=0))
            assert first.key_frame


async def test_a_missing_frame_leaves_no_hole(tmp_path: Path, encoders: Encoders) -> None:
    hls = Hls(tmp_path, *encoders.parameters(), segment_s=2, window_s=60)
    pictures = 0
    for packet in encoders.packets(6):
        if packet.kind == "video" and not packet.keyframe:
            pictures += 1
            if pictures % 7 == 0 or 50 < pictures < 60:
                continue  # the clock missed these
        hls._queue.put((packet, False))
    await hls.close()
    playlist = (tmp_path / "video.m3u8").read_text()
    assert re.findall(r"#EXTINF:([\d.]+)", playlist) == ["2.00000"] * 3
    with av.open(str(tmp_path / "index.m3u8")) as container:
        stream = container.streams.video[0]
        end = 0
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            assert packet.pts == end
            end = packet.pts + (packet.duration or 0)
    assert end == 6 * 90_000


async def test_restart_continues_with_a_discontinuity(tmp_path: Path) -> None:
    await _write(tmp_path, Encoders(), 4)
    names = set(re.findall(r"video-\d+\.m4s", (tmp_path / "video.m3u8").read_text()))
    await _write(tmp_path, Encoders(), 4)
    playlist = (tmp_path / "video.m3u8").read_text()
    assert playlist.count("#EXT-X-DISCONTINUITY\n") == 1
    assert playlist.count("#EXT-X-MAP") == 2
    assert len(set(re.findall(r"video-\d+\.m4s", playlist)) - names) == 2


async def test_window_rolls_and_files_go(tmp_path: Path, encoders: Encoders) -> None:
    await _write(tmp_path, encoders, 30, window_s=10)
    playlist = (tmp_path / "video.m3u8").read_text()
    assert "#EXT-X-MEDIA-SEQUENCE:10" in playlist
    assert len(list(tmp_path.glob("video-*.m4s"))) == 5 + 3


async def test_a_stalled_disk_drops_to_the_next_key_frame(
    tmp_path: Path, encoders: Encoders
) -> None:
    hls = Hls(tmp_path, *encoders.parameters(), segment_s=2, window_s=60)
    for packet in encoders.packets(30):  # far faster than the thread can be: the queue fills
        hls.write(packet)
    await hls.close()
    with av.open(str(tmp_path / "index.m3u8")) as container:
        for frame in container.decode(video=0):
            assert not frame.is_corrupt


def test_window_counts_discontinuities_that_left() -> None:
    window = Window()
    for number in range(6):
        window.append(Segment(f"s{number}", 2.0, 0, "i", number == 1), keep_s=6)
    assert (window.sequence, window.discontinuity_sequence) == (3, 1)
