"""The whole process, with real media in and real media out."""

from __future__ import annotations

from linkup import messages
from linkup.messages import Picture
from tests.program import clips
from tests.program.rig import Camera, rig


async def test_what_was_taken_is_on_air_from_the_very_frame() -> None:
    async with rig() as studio:
        studio.add(Camera("red", 1, clips.colour_clip("vp8", clips.RED), audio=clips.tone(440)))
        studio.add(Camera("green", 2, clips.colour_clip("h264", clips.GREEN), codec="h264"))
        red, green = Picture(feeds=["red"]), Picture(feeds=["green"])
        studio.compose(1, red, next=green, microphones=["red"])
        await studio.shows(clips.RED)
        # Only what is on air and next is asked for.
        assert studio.want.video == ["green", "red"]
        await studio.until(lambda: studio.cameras["green"].wanted_video)

        import asyncio

        await asyncio.sleep(1.2)
        studio.compose(2, green, microphones=["red"])
        taken = await studio.fact(messages.OnAir, take=2)
        await studio.shows(clips.GREEN)
        for seen in studio.frames:
            if abs(seen.at - taken.at) < 200_000_000:
                expected = clips.RED if seen.at < taken.at - 5_000_000 else clips.GREEN
                assert clips.near(clips.mean(seen.frame), expected), seen.at - taken.at
