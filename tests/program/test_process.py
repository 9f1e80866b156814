"""The whole process, with real media in and real media out."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import numpy as np
import pytest

from linkup import clock, messages
from linkup.messages import Picture, Strip
from tests.program import clips
from tests.program.rig import Camera, Rig, rig

LEFT, RIGHT = (0.1, 0.4, 0.3, 0.15), (0.6, 0.4, 0.3, 0.15)


def site(feed: str, number: int, colour: clips.Colour, codec: str = "vp8", **more: Any) -> Camera:
    return Camera(feed, number, clips.colour_clip(codec, colour), codec=codec, **more)


async def frames_until(studio: Rig, at: int) -> None:
    await studio.until(lambda: studio.frames and studio.frames[-1].at >= at)


async def test_a_cut_is_exact_to_the_frame_and_the_clock_never_stops() -> None:
    async with rig() as studio:
        studio.add(site("red", 1, clips.RED, audio=clips.tone(440)))
        studio.add(site("green", 2, clips.GREEN, "h264"))
        red, green = Picture(feeds=["red"]), Picture(feeds=["green"])
        studio.compose(1, red, next=green, microphones=["red"])
        await studio.shows(clips.RED)
        assert studio.want.video == ["green", "red"]  # on air and next, nothing else
        assert studio.want.audio == ["green", "red"]
        await studio.until(lambda: studio.cameras["green"].wanted_video)
        await frames_until(studio, studio.frames[-1].at + 500_000_000)

        studio.compose(2, green, microphones=["red"])
        taken = await studio.fact(messages.OnAir, take=2)
        await frames_until(studio, taken.at + 500_000_000)
        around = [each for each in studio.frames if abs(each.at - taken.at) < 300_000_000]
        assert around[0].at < taken.at <= around[-1].at
        for seen in around:
            expected = clips.RED if seen.at < taken.at - 1_000_000 else clips.GREEN
            assert clips.near(clips.mean(seen.frame), expected)

        # Every frame stands on the grid of 1/30 s, and what is not there was counted. (On a
        # machine that is too busy some may be missing.)
        numbers = np.array([each.at - studio.frames[0].at for each in studio.frames]) * 30 / 1e9
        assert np.abs(numbers - np.rint(numbers)).max() < 0.01
        absent = int(np.rint(numbers[-1])) + 1 - len(numbers)
        studio.facts.clear()
        stats = await studio.fact(messages.ProgramStats)
        assert absent <= stats.missed
        assert stats.outputs[0].name == "hls"


async def test_a_mix_passes_through_the_middle() -> None:
    async with rig() as studio:
        studio.add(site("dark", 1, (40, 128, 128)))
        studio.add(site("bright", 2, (200, 128, 128)))
        dark, bright = Picture(feeds=["dark"]), Picture(feeds=["bright"])
        studio.compose(1, dark, next=bright)
        await studio.shows((40, 128, 128))
        await frames_until(studio, studio.frames[-1].at + 500_000_000)
        studio.compose(2, bright, mix_ms=400)
        taken = await studio.fact(messages.OnAir, take=2)
        await frames_until(studio, taken.at + 600_000_000)
        for seen in studio.frames:
            number = round((seen.at - taken.at) * 30 / 1e9)
            share = min(1.0, max(0.0, (number + 1) / 12))
            if -5 < number < 15:
                assert abs(clips.mean(seen.frame)[0] - (40 + 160 * share)) < 10, number


async def test_every_layout_puts_every_feed_in_its_place() -> None:
    colours = {"red": clips.RED, "green": clips.GREEN, "blue": clips.BLUE, "grey": clips.GREY}
    async with rig() as studio:
        for number, (feed, colour) in enumerate(colours.items()):
            studio.add(site(feed, number + 1, colour, "h264" if number % 2 else "vp8"))
        every = list(colours)
        studio.compose(1, Picture(layout="four", feeds=every))
        quarters = [(0.1, 0.1, 0.3, 0.3), (0.6, 0.1, 0.3, 0.3)]
        quarters += [(0.1, 0.6, 0.3, 0.3), (0.6, 0.6, 0.3, 0.3)]
        for quarter, colour in zip(quarters, colours.values(), strict=True):
            await studio.shows(colour, quarter)
        studio.compose(2, Picture(layout="side", feeds=["blue", "green"]))
        await studio.shows(clips.BLUE, LEFT)
        await studio.shows(clips.GREEN, RIGHT)
        studio.compose(3, Picture(layout="pip", feeds=["red", "blue"]))
        await studio.shows(clips.RED, (0.1, 0.1, 0.5, 0.8))
        await studio.shows(clips.BLUE, (0.77, 0.1, 0.15, 0.15))
        assert studio.want.video is not None
        await studio.until(lambda: studio.want.video == ["blue", "red"])  # the rest is let go


async def test_open_microphones_are_heard_and_closed_ones_are_not() -> None:
    async with rig() as studio:
        studio.add(site("a", 1, clips.RED, audio=clips.tone(440)))
        studio.add(Camera("b", 2, None, audio=clips.tone(1000)))
        studio.add(Camera("c", 3, None, audio=clips.tone(3000)))
        studio.compose(1, Picture(feeds=["a"]), microphones=["a", "b"])

        def loud(frequency: int, blocks: int = 25) -> bool:
            if len(studio.sound) < blocks:
                return False
            samples = np.concatenate([each for _, each in studio.sound[-blocks:]])[:, 0]
            spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
            place = round(frequency * len(samples) / 48_000)
            around = np.concatenate(
                (spectrum[place - 60 : place - 20], spectrum[place + 20 :][:40])
            )
            return bool(spectrum[place - 3 : place + 4].max() > 30 * (around.mean() + 1e-3))

        await studio.until(lambda: loud(440) and loud(1000))
        assert not loud(3000)
        studio.compose(1, Picture(feeds=["a"]), microphones=["c"])
        await studio.until(lambda: loud(3000) and not loud(440) and not loud(1000))
        assert studio.want.video == ["a"]
        studio.compose(1, Picture(feeds=["a"]))
        await studio.until(lambda: np.abs(studio.sound[-1][1]).max() < 1e-3)


@pytest.mark.parametrize(("late_ms", "reports"), [(0, False), (120, True)])
async def test_sound_and_picture_leave_together(late_ms: int, reports: bool) -> None:
    async with rig() as studio:
        studio.add(
            Camera(
                "a",
                1,
                clips.flash_clip("vp8"),
                audio=clips.beep(),
                video_late_ns=late_ms * 1_000_000,
                reports=reports,
            )
        )
        studio.compose(1, Picture(feeds=["a"]), microphones=["a"])

        def offsets() -> list[float]:
            light = [clips.mean(each.frame)[0] > 120 for each in studio.frames]
            flashes = [
                each.at
                for each, before, now in zip(studio.frames[1:], light, light[1:], strict=False)
                if now and not before
            ]
            beeps = []
            quiet = 0
            for at, samples in studio.sound:
                found = np.flatnonzero(np.abs(samples[:, 0]) > 0.1)
                if len(found) and quiet > 10:
                    beeps.append(at + int(found[0]) * 1_000_000 // 48)
                quiet = 0 if len(found) else quiet + 1
            heard = studio.sound[-1][0] - 200_000_000 if studio.sound else 0
            flashes = [each for each in flashes if each < heard and beeps]
            return [min(abs(flash - each) for each in beeps) / 1e6 for flash in flashes]

        await studio.until(lambda: len(studio.frames) > 1 and studio.sound)
        await frames_until(studio, studio.frames[0].at + 7_000_000_000)
        # The first second or two may still be finding the way.
        # (On a machine that is too busy a flash or a beep may be missing: the median forgives.)
        assert np.median(offsets()[1:]) < 40


async def test_a_site_that_stops_goes_down_the_ladder_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from linkup.program import ladder

    monkeypatch.setattr(ladder, "CARD_NS", 1_000_000_000)
    monkeypatch.setattr(ladder, "GONE_NS", 2_500_000_000)
    async with rig() as studio:
        camera = studio.add(site("red", 1, clips.RED, audio=clips.tone(440)))
        studio.compose(1, Picture(feeds=["red"]), microphones=["red"])
        await studio.shows(clips.RED)
        camera.picture_paused = True
        held = await studio.fact(messages.SourceChanged, feed="red", state="held")
        card = await studio.fact(messages.SourceChanged, feed="red", state="card")
        assert card.at > held.at
        await studio.until(lambda: clips.mean(studio.frames[-1].frame)[0] < 50)  # dark ground
        for seen in studio.frames:
            if held.at < seen.at < card.at - 40_000_000:
                assert clips.near(clips.mean(seen.frame), clips.RED)  # the last frame stood
        assert not any(getattr(each, "state", "") == "gone" for each in studio.facts)  # the voice
        camera.paused = True
        await studio.fact(messages.SourceChanged, feed="red", state="gone")
        studio.facts.clear()
        camera.paused = camera.picture_paused = False
        await studio.fact(messages.SourceChanged, feed="red", state="live")
        await studio.shows(clips.RED)


async def test_broken_frames_cost_a_key_frame_and_nothing_else() -> None:
    async with rig() as studio:
        camera = studio.add(site("red", 1, clips.RED))
        studio.compose(1, Picture(feeds=["red"]))
        await studio.shows(clips.RED)
        asked = camera.asked
        noise = np.random.default_rng(1)
        camera.frame_filter = lambda _n, data: noise.bytes(len(data) + 20)
        await studio.until(lambda: camera.asked > asked)
        await frames_until(studio, studio.frames[-1].at + 300_000_000)
        assert clips.near(clips.mean(studio.frames[-1].frame), clips.RED)  # the last good one
        camera.frame_filter = lambda _n, data: data
        studio.facts.clear()
        await studio.until(
            lambda: any(isinstance(each, messages.ProgramStats) for each in studio.facts)
        )
        await studio.shows(clips.RED)


async def test_a_source_may_change_its_size_and_a_phone_is_shown_whole() -> None:
    async with rig() as studio:
        camera = studio.add(site("red", 1, clips.RED))
        studio.compose(1, Picture(feeds=["red"]))
        await studio.shows(clips.RED)
        camera.video = clips.colour_clip("vp8", clips.GREEN, 180, 320)
        await studio.shows(clips.GREEN, (0.45, 0.1, 0.1, 0.8))
        assert clips.mean(studio.frames[-1].frame, (0.05, 0.1, 0.2, 0.8))[0] < 50


async def test_the_slate_strips_and_a_site_without_a_camera() -> None:
    async with rig() as studio:
        studio.add(site("red", 1, clips.RED))
        studio.add(Camera("voice", 2, None, audio=clips.tone(440)))
        studio.compose(1, Picture(feeds=["red"]), slate=True)
        await studio.fact(messages.OnAir, take=1)
        await studio.until(lambda: studio.frames)
        studio.compose(2, Picture(feeds=["red"], strip=Strip(name="陈建国", title="局长")))
        panel = (0.052, 0.8, 0.01, 0.08)  # left of the gold line
        await studio.shows(clips.RED)
        await studio.until(lambda: clips.mean(studio.frames[-1].frame, panel)[0] < 60)
        studio.compose(3, Picture(feeds=["red"]))
        await studio.until(
            lambda: clips.near(clips.mean(studio.frames[-1].frame, panel), clips.RED)
        )
        studio.compose(4, Picture(feeds=["voice"]), microphones=["voice"])
        await studio.fact(messages.OnAir, take=4)
        await studio.fact(messages.SourceChanged, feed="voice", state="card")


async def test_key_frames_are_aligned_and_extra_ones_do_not_move_them() -> None:
    async with rig() as studio:
        studio.compose(1, Picture(), slate=True)
        await studio.until(lambda: len(studio.keyframes) >= 2)
        await asyncio.sleep(0.3)
        studio.ask_keyframe()
        studio.ask_keyframe()
        await studio.until(lambda: len(studio.keyframes) >= 5)
        steps = np.diff(studio.keyframes) // 3000
        assert 0 < min(steps) < 30  # the extra one, once
        aligned = [(each - studio.keyframes[0]) // 3000 % 30 for each in studio.keyframes]
        assert sum(each != 0 for each in aligned) == 1


async def test_control_may_die_and_outputs_may_be_switched() -> None:
    sites = """
consultation: {id: test}
program: {width: 640, height: 360, preset: ultrafast, segment_s: 1}
outputs: [{name: partner, url: "rtmp://127.0.0.1:1/live/x", enabled: false}]
"""
    async with rig(sites) as studio:
        studio.add(site("red", 1, clips.RED))
        studio.compose(1, Picture(feeds=["red"]))
        await studio.shows(clips.RED)

        def partner() -> str:
            for each in reversed(studio.facts):
                if isinstance(each, messages.ProgramStats):
                    return {output.name: output.state for output in each.outputs}["partner"]
            return ""

        await studio.until(lambda: partner() == "off")
        studio.command(messages.SwitchOutput(output="partner", on=True))
        await studio.until(lambda: partner() in ("connecting", "retrying"))
        studio.command(messages.SwitchOutput(output="partner", on=False))
        await studio.until(lambda: partner() == "off")
        studio.facts.clear()
        studio.drop_control()
        before = clock.now_ns()
        await studio.fact(messages.Hello, process="program")
        await frames_until(studio, before + 300_000_000)
        assert clips.near(clips.mean(studio.frames[-1].frame), clips.RED)
        # The same command again is not a new take; a new control is told of the one there was.
        studio.compose(1, Picture(feeds=["red"]))
        await studio.fact(messages.ProgramStats)
        told = [each for each in studio.facts if isinstance(each, messages.OnAir)]
        assert [each.take for each in told] == [1]
        assert told[0].at < before
    assert (studio.place.live_hls("test") / "index.m3u8").exists() is False  # folder is gone


async def test_a_killed_program_comes_back_on_air_with_the_next_compose() -> None:
    async with rig(start=False) as studio:
        studio.add(site("red", 1, clips.RED))
        place = studio.place
        arguments = ["-m", "linkup", "process", "program", "--run", str(place.run)]
        arguments += ["--data", str(place.data), "--sites", str(place.sites)]
        for _ in range(2):
            studio.facts.clear()
            studio.frames.clear()
            studio.restarted()
            child = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, env={**os.environ, **clock.environment()}
            )
            try:
                await studio.fact(messages.Hello, process="program")
                studio.compose(1, Picture(feeds=["red"]))
                await studio.shows(clips.RED)
            finally:
                child.kill()
                await child.wait()
