from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from linkup.config import Settings
from linkup.messages import Strip
from linkup.program import fonts, pictures, titles
from linkup.program.compose import Composer, Tile, placement, places
from linkup.program.drawings import Drawings
from linkup.program.pictures import Box, planes
from linkup.program.stage import FULL, Shot, View
from tests.program import clips

SIZE = (640, 360)


@pytest.mark.parametrize(
    ("source", "place", "shown"),
    [
        ((1280, 720), (640, 360), (640, 360)),
        ((640, 360), (1280, 720), (1280, 720)),
        ((1280, 800), (640, 360), (640, 360)),  # 16:10 loses a tenth: filled
        ((640, 480), (640, 360), (480, 360)),  # 4:3 would lose a quarter of the heads: fitted
        ((360, 640), (640, 360), (202, 360)),  # a phone held upright
        ((2000, 100), (640, 360), (640, 32)),
        ((16, 16), (304, 170), (170, 170)),
    ],
)
def test_a_source_fills_its_place_or_is_fitted(
    source: tuple[int, int], place: tuple[int, int], shown: tuple[int, int]
) -> None:
    found = placement(*source, Box(0, 0, *place))
    assert (found.target.width, found.target.height) == shown
    assert found.crop[2:] == found.target[2:]
    assert found.crop.x + found.crop.width <= found.width
    assert found.crop.y + found.crop.height <= found.height
    assert found.target.x + found.target.width <= place[0]
    assert all(each % 2 == 0 for each in (*found.crop, *found.target))


def test_every_placement_is_inside_and_even() -> None:
    chance = np.random.default_rng(1)
    for _ in range(2000):
        width, height = (int(each) * 2 for each in chance.integers(8, 2048, 2))
        box = Box(0, 0, *(int(each) * 2 for each in chance.integers(20, 960, 2)))
        found = placement(width, height, box)
        assert found.crop[2:] == found.target[2:]
        assert found.crop.x >= 0 and found.crop.x + found.crop.width <= found.width
        assert found.crop.y >= 0 and found.crop.y + found.crop.height <= found.height
        assert found.target.x >= 0 and found.target.x + found.target.width <= box.width
        assert found.target.y >= 0 and found.target.y + found.target.height <= box.height
        assert all(
            each % 2 == 0 for each in (*found.crop, *found.target, found.width, found.height)
        )


def test_places_lie_in_the_picture() -> None:
    for layout in ("full", "side", "pip", "four"):
        for count in range(1, 5):
            for width, height in ((640, 360), (1280, 720), (1920, 1080)):
                for box in places(View(layout, tuple("abcd"[:count])), width, height):
                    assert box.x + box.width <= width and box.y + box.height <= height
                    assert all(each % 2 == 0 for each in box)


def test_mixing_at_the_ends_and_in_the_middle() -> None:
    a, b = (planes(clips.plain(each, 64, 80)) for each in ((16, 128, 128), (235, 90, 240)))
    out = planes(clips.plain((0, 0, 0), 64, 80))
    for step, expected in ((0, (16, 128, 128)), (256, (235, 90, 240)), (128, (125, 109, 184))):
        pictures.mix(a, b, out, step)
        assert [int(plane[3, 3]) for plane in out] == list(expected)


def test_an_overlay_covers_lets_through_and_fades() -> None:
    image = Image.new("RGBA", (32, 16), (255, 255, 255, 255))
    ImageDraw.Draw(image).rectangle((16, 0, 31, 15), fill=(255, 255, 255, 0))
    drawing = pictures.overlay(image, 8, 8)
    target = planes(clips.plain((100, 60, 200), 64, 64))
    drawing.lay(target)
    assert target.y[10, 10] == 235 and target.u[5, 5] == 128
    assert target.y[10, 30] == 100 and target.u[5, 14] == 60
    assert target.y[7, 10] == 100
    target = planes(clips.plain((100, 60, 200), 64, 64))
    drawing.lay(target, 128)
    assert abs(int(target.y[10, 10]) - 167) <= 1
    drawing.lay(target, 0)
    assert abs(int(target.y[10, 10]) - 167) <= 1


@pytest.fixture
def drawings() -> Drawings:
    found = Drawings(Settings.model_validate({"program": {"width": 640, "height": 360}}))
    found.slate()
    found.ground()
    found.wait()
    return found


def test_one_source_of_the_right_size_goes_through_untouched(drawings: Drawings) -> None:
    composer = Composer(*SIZE, drawings, 4)
    frame = clips.plain(clips.RED, *SIZE)
    shot = Shot(View("full", ("a",)), None, FULL, ())
    assert composer.render(shot, lambda *_: Tile(frame)) is frame


def test_what_did_not_change_is_not_made_again(drawings: Drawings) -> None:
    composer = Composer(*SIZE, drawings, 4)
    frame = clips.plain(clips.RED, 320, 180)
    shot = Shot(View("side", ("a", "b")), None, FULL, ())
    first = composer.render(shot, lambda *_: Tile(frame))
    assert composer.render(shot, lambda *_: Tile(frame)) is first and composer.made == 1
    other = clips.plain(clips.RED, 320, 180)
    assert composer.render(shot, lambda *_: Tile(other)) is not first


def test_frames_that_the_encoder_holds_are_not_written_again(drawings: Drawings) -> None:
    composer = Composer(*SIZE, drawings, 4)
    shot = Shot(View("side", ("a",)), None, FULL, ())
    held = []
    for number in range(5):
        frame = clips.plain((20 + 40 * number, 128, 128), 320, 180)
        held.append(composer.render(shot, lambda *_, frame=frame: Tile(frame)))
    assert [clips.mean(each)[0] for each in held] == [20 + 40 * number for number in range(5)]


def test_a_feed_of_which_nothing_is_there_shows_the_ground(drawings: Drawings) -> None:
    composer = Composer(*SIZE, drawings, 4)
    frame = composer.render(Shot(View("full", ("a",)), None, FULL, ()), lambda *_: None)
    assert clips.mean(frame)[0] < 40
    slate = composer.render(Shot(View(slate=True), None, FULL, ()), lambda *_: None)
    assert planes(slate).y.max() > 200  # the title


def test_a_strip_has_ink_of_real_chinese_glyphs() -> None:
    assert fonts.found().chinese
    font = fonts.font(40, bold=True)
    absent = font.getmask("\ufffe").getbbox(), bytes(font.getmask("\ufffe"))
    for character in "陈建国税务局":
        drawn = font.getmask(character).getbbox(), bytes(font.getmask(character))
        assert drawn[0] is not None and drawn != absent
    one = titles.strip(Strip(name="陈建国", title="局长"), 1280, 720)
    other = titles.strip(Strip(name="陈建园", title="局长"), 1280, 720)
    assert one.add[0].shape == other.add[0].shape
    assert (one.add[0] != other.add[0]).any()
    bright = one.add[0] > 200 * 250
    assert 0.01 < bright.mean() < 0.3


@pytest.mark.parametrize("height", [360, 720, 1080])
def test_strips_stay_inside_the_safe_area_however_long(height: int) -> None:
    width = height * 16 // 9
    for name in ("李", "王" * 300, "A very long name " * 30, "a\nb\x00c", "‮mirrored"):
        box = titles.strip(Strip(name=name, title=name), width, height).box
        assert box.x >= width * 0.04 and box.x + box.width <= width * 0.95
        assert box.y + box.height <= height * 0.95
        assert all(each % 2 == 0 for each in box)


def test_cards_and_slates_in_both_languages_and_any_size() -> None:
    for language, first in (("zh", "画面暂时中断"), ("en", "Picture interrupted")):
        assert titles.words("lost", language)[0] == first
        for size in ((160, 90), (304, 170), (1920, 1080)):
            assert titles.card(Strip(name="会场" * 20), *size, "gone", language).size == size
            assert titles.slate("题" * 99, "t", *size, language).size == size


def test_the_font_is_looked_for_in_order(tmp_path: Path) -> None:
    assert not fonts.find("", (str(tmp_path),), None).chinese
    package = tmp_path / "package" / "fonts"
    package.mkdir(parents=True)
    (package / "NotoSansSC[wght].ttf").touch()
    assert fonts.find("", (str(tmp_path),), package).regular == package / "NotoSansSC[wght].ttf"
    (tmp_path / "NotoSansSC-Regular.otf").touch()
    found = fonts.find("", (str(tmp_path),), package)
    assert found.regular == found.bold == tmp_path / "NotoSansSC-Regular.otf"
    chosen = tmp_path / "mine.ttf"
    chosen.touch()
    assert fonts.find(str(chosen), (str(tmp_path),), package).regular == chosen
