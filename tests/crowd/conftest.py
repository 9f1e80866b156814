"""A small clip, encoded once."""

from __future__ import annotations

import pytest

from linkup.crowd.clips import Clip, load
from linkup.crowd.footage import Recipe, encode
from linkup.crowd.looks import Look


@pytest.fixture(scope="session", params=["vp8", "h264"])
def any_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return _made(request.param, tmp_path_factory)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return _made("vp8", tmp_path_factory)


def _made(codec: str, folders: pytest.TempPathFactory) -> Clip:
    recipe = Recipe(Look(0, "main", "主会场"), None, codec, 320, 180, 200, 2)  # type: ignore[arg-type]
    file = folders.mktemp("footage") / recipe.file_name()
    encode(recipe, file)
    return load(file)
