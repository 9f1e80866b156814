"""The program as HLS over the recording: every range decodes, and begins with a key frame."""

from __future__ import annotations

import io
import re
from pathlib import Path

import av
import pytest

from linkup.archive import playlist
from linkup.archive.boxes import Fragment, Scan
from tests.archive.conftest import ID, Archive


def ranges(text: str) -> list[tuple[str, int, int, float]]:
    """`(uri, offset, length, seconds)` of each media segment."""
    found = re.findall(r"#EXTINF:([\d.]+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", text)
    return [(uri, int(offset), int(length), float(time)) for time, length, offset, uri in found]


def init(text: str, folder: Path) -> bytes:
    uri, length = re.findall(r'#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+)@0"', text)[0]
    return (folder / uri.removeprefix("files/")).read_bytes()[: int(length)]


def check(text: str, archive: Archive, seconds: float) -> None:
    total = 0.0
    for uri, offset, length, duration in ranges(text):
        body = (archive.folder / uri.removeprefix("files/")).read_bytes()[offset : offset + length]
        with av.open(io.BytesIO(init(text, archive.folder) + body)) as file:
            packets = [p for p in file.demux(video=0) if p.size]
            assert packets[0].is_keyframe
            frames = sum(len(packet.decode()) for packet in packets)
            assert abs(frames - duration * 20) < 1.5
        total += duration
    assert abs(total - seconds) < 0.15


def test_whole_program_after_the_end(archive: Archive) -> None:
    archive.finish()
    text = playlist.program(archive.data, ID)
    assert text.endswith("#EXT-X-ENDLIST\n") and "PLAYLIST-TYPE:VOD" in text
    check(text, archive, 6.0)
    assert "#EXT-X-PROGRAM-DATE-TIME:" in text


def test_grows_while_it_is_recorded(archive: Archive) -> None:
    archive.book.flush()
    text = playlist.program(archive.data, ID)
    assert "ENDLIST" not in text and "PLAYLIST-TYPE:EVENT" in text
    check(text, archive, 4.0)  # the last range is not known to be whole
    archive.finish()
    longer = playlist.program(archive.data, ID)
    assert ranges(longer)[: len(ranges(text))] == ranges(text)


def test_a_second_file_is_a_discontinuity(archive: Archive) -> None:
    parts = [
        playlist.Part("files/program/a.mp4", 0, 100, [playlist.Range(100, 50, 0.0, 2.0)]),
        playlist.Part("files/program/b.mp4", 9000, 90, [playlist.Range(90, 60, 0.0, 2.5)]),
    ]
    text = playlist.render(parts, ended=True)
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert text.index("DISCONTINUITY") < text.index("b.mp4")
    archive.finish()


def test_ranges_begin_with_a_key_frame_and_are_long_enough() -> None:
    fragments = [
        Fragment(offset, 10, offset / 20, 0.5, keyframe)
        for offset, keyframe in zip(
            range(0, 120, 10), [False, True, False, True] + [False, True] * 4, strict=True
        )
    ]
    made = playlist.group(fragments, complete=True)
    assert [each.offset for each in made] == [10, 50, 90]
    assert all(each.duration >= playlist.SHORTEST_S for each in made[:-1])
    assert playlist.group(fragments, complete=False) == made[:-1]


def test_scanning_byte_by_byte_gives_the_same(archive: Archive) -> None:
    archive.finish()
    data = next((archive.folder / "program").glob("*.mp4")).read_bytes()
    whole, slowly = Scan(), Scan()
    whole.follow(lambda offset, length: data[offset : offset + length], len(data))
    for size in range(0, len(data) + 1, 997):
        slowly.follow(lambda at, length, end=size: data[at : min(end, at + length)], size)
    slowly.follow(lambda offset, length: data[offset : offset + length], len(data))
    assert whole.fragments == slowly.fragments and not whole.broken


@pytest.mark.parametrize("junk", [b"\0" * 64, b"\xff" * 64, b"moof" * 20])
def test_what_is_not_mp4_is_left_alone(junk: bytes) -> None:
    scan = Scan()
    scan.follow(lambda offset, length: junk[offset : offset + length], len(junk))
    assert not scan.fragments
