"""Footage: whole, in step, different for each site."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from linkup.crowd.clips import Clip
from linkup.crowd.footage import FPS, Kitchen, Recipe, recipes, sources
from linkup.crowd.looks import Look, Painter, yuv
from linkup.crowd.speech import RATE, speak
from linkup.errors import UserError


def test_a_clip_is_whole(any_clip: Clip) -> None:
    assert (any_clip.width, any_clip.height, any_clip.fps) == (320, 180, FPS)
    assert len(any_clip.pictures) == 2 * FPS and len(any_clip.sounds) == 100
    assert [i for i, each in enumerate(any_clip.pictures) if each.keyframe] == [0, FPS]
    assert any_clip.next_keyframe(1) == FPS and any_clip.next_keyframe(FPS + 1) == 0
    assert all(picture.payloads for picture in any_clip.pictures)
    assert max(sound.level for sound in any_clip.sounds) > -60


def test_each_site_has_its_colour() -> None:
    colours = [yuv(Look(number, "s", "").colour) for number in range(19)]
    assert len(set(colours)) == 19
    picture = np.full((270, 320), 128, dtype=np.uint8)
    Painter(Look(3, "s", "育才学校"), 320, 180).paint(picture, 1234)
    assert picture[0, 0] == colours[3][0] and picture[180, 0] == colours[3][1]
    before = picture.copy()
    Painter(Look(3, "s", "育才学校"), 320, 180).paint(picture, 1235)
    assert (picture != before).any()  # the counter


def test_voices_differ() -> None:
    voices = [speak(Look(number, f"s{number}", f"第{number}分会场"), 1.0) for number in range(2)]
    assert all(voice.size == RATE and voice.any() for voice in voices)
    assert (voices[0] != voices[1]).any()


def test_media_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        sources(tmp_path / "nothing.mp4")


async def test_media_must_be_video(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    kitchen = Kitchen(tmp_path)
    try:
        with pytest.raises(UserError, match="cannot be read as video"):
            await kitchen.clip(Recipe(Look(0, "s", ""), text))
    finally:
        kitchen.close()
    assert list(tmp_path.iterdir()) == [text]


async def test_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(Look(0, "s", ""), None, "vp8", 160, 90, 100, 1)
    kitchen = Kitchen(tmp_path)
    first = await kitchen.clip(recipe)
    kitchen.close()
    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", _refuse(1))
    assert await Kitchen(tmp_path).clip(recipe) == first


def _refuse(allowed: int) -> object:
    """Loading is a thread's work and allowed; encoding would be one more."""
    loop = asyncio.get_running_loop()
    real, used = loop.run_in_executor, []

    def run(*args: object) -> object:
        used.append(args)
        assert len(used) <= allowed
        return real(*args)  # type: ignore[arg-type]

    return run


def test_a_large_crowd_is_small_pictures() -> None:
    few = recipes([Look(number, f"s{number}", "") for number in range(4)])
    many = recipes([Look(number, f"s{number}", "") for number in range(19)])
    assert {each.width for each in few} == {1280} and {each.width for each in many} == {640}
    assert len({each.file_name() for each in (*few, *many)}) == 23
