"""Clips: any site from any moment, without transcoding."""

from __future__ import annotations

import io

import pytest

from linkup.archive import clips
from linkup.errors import MissingError
from tests.archive.conftest import ID, Archive
from tests.record.footage import decode


async def fetch(clip: clips.Clip) -> io.BytesIO:
    return io.BytesIO(b"".join([chunk async for chunk in clip.stream()]))


@pytest.mark.parametrize(
    ("site", "kind"), [("hall", "video/webm"), ("school", "video/mp4"), ("program", "video/mp4")]
)
async def test_begins_at_the_key_frame_before_the_moment(
    archive: Archive, site: str, kind: str
) -> None:
    archive.finish()
    clip = clips.find(archive.data, ID, site, archive.ms(3.5))
    assert clip.content_type == kind
    seen = decode(await fetch(clip))
    # Key frames are at full seconds (every other one in the program); each of them is bright.
    expected = 4.0 if site == "program" else 3.0
    assert abs(seen.length - expected) < 0.15
    assert seen.flashes[0] == 0.0 and len(seen.flashes) == int(expected)
    for flash, beep in zip(seen.flashes[1:], seen.beeps[-len(seen.flashes) + 1 :], strict=True):
        assert abs(flash - beep) < 0.040


async def test_plays_what_is_being_recorded(archive: Archive) -> None:
    archive.book.flush()
    for site in ("hall", "school", "program"):
        seen = decode(await fetch(clips.find(archive.data, ID, site, archive.ms(2.2))))
        assert seen.length > 2.5 and seen.flashes[0] == 0.0
    archive.finish()


async def test_ends_where_it_was_told_to(archive: Archive) -> None:
    archive.finish()
    clip = clips.find(archive.data, ID, "hall", archive.ms(1.5), archive.ms(3.2))
    assert abs(decode(await fetch(clip)).length - 2.2) < 0.15


async def test_nothing_at_that_time(archive: Archive) -> None:
    archive.finish()
    with pytest.raises(MissingError):
        clips.find(archive.data, ID, "hall", archive.ms(100))
    with pytest.raises(MissingError):
        clips.find(archive.data, ID, "nowhere", archive.ms(1))


async def test_a_receiver_that_leaves_ends_the_thread(archive: Archive) -> None:
    archive.finish()
    for _ in range(clips.MAX_CLIPS + 2):
        body = clips.find(archive.data, ID, "hall", archive.ms(0)).stream()
        assert await anext(body)
        await body.aclose()  # type: ignore[attr-defined]
        while clips._running._value < clips.MAX_CLIPS:  # type: ignore[attr-defined]
            await _breathe()


async def _breathe() -> None:
    import asyncio

    await asyncio.sleep(0.005)
