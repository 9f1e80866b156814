"""The geometry of scenes."""

from __future__ import annotations

from typing import get_args

import pytest

from linkup.messages import Layout
from linkup.show import scene

PLACES = [
    (layout, count)
    for layout in scene.LAYOUTS
    for count in range(1, scene.capacity(layout) + 1)
]  # fmt: skip


def test_every_layout_of_the_messages_has_places() -> None:
    assert get_args(Layout) == scene.LAYOUTS
    assert [scene.capacity(layout) for layout in scene.LAYOUTS] == [1, 2, 2, 4]


@pytest.mark.parametrize(("layout", "count"), PLACES)
def test_places_are_inside_and_keep_the_shape(layout: Layout, count: int) -> None:
    places = scene.rectangles(layout, count)
    assert len(places) == count
    for each in places:
        assert each.x >= 0 and each.x + each.width <= 1
        assert each.y >= 0 and each.y + each.height <= 1
        assert each.width == each.height  # of the picture's own shape: nothing is cropped


@pytest.mark.parametrize(("layout", "count"), [each for each in PLACES if each[0] != "pip"])
def test_places_do_not_overlap(layout: Layout, count: int) -> None:
    places = scene.rectangles(layout, count)
    for number, one in enumerate(places):
        for two in places[number + 1 :]:
            apart_x = one.x + one.width <= two.x or two.x + two.width <= one.x
            apart_y = one.y + one.height <= two.y or two.y + two.height <= one.y
            assert apart_x or apart_y


def test_the_inset_stands_inside_and_in_front() -> None:
    whole, inset = scene.rectangles("pip", 2)
    assert whole == scene.Rectangle(0, 0, 1, 1)
    assert inset.width < 0.5 and inset.y + inset.height < 0.6  # the name strip stays free


def test_more_feeds_than_places_and_none() -> None:
    assert scene.rectangles("full", 3) == scene.rectangles("full", 1)
    assert scene.rectangles("four", 0) == ()


def test_pages_get_the_same_numbers() -> None:
    data = scene.data()
    assert set(data) == set(scene.LAYOUTS)
    for layout, count in PLACES:
        shown = [scene.Rectangle(**each) for each in data[layout][count - 1]]
        assert tuple(shown) == scene.rectangles(layout, count)
