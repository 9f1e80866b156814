"""Live HLS: what is served, how long it is kept, and what is never served."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.conftest import House, raw_get


@pytest.fixture
async def window(house: House) -> House:
    folder = house.data / "river" / "hls"
    (folder / "audio").mkdir(parents=True)
    (folder / "index.m3u8").write_text("#EXTM3U\n")
    (folder / "audio" / "a1.m4s").write_bytes(bytes(range(200)))
    (folder / "init.mp4").write_bytes(b"init")
    (folder / ".draft.m3u8").write_text("half")
    (folder / "notes.txt").write_text("no")
    (house.data / "secret.m3u8").write_text("secret")
    return house


async def test_playlists_are_fresh_and_segments_stay(window: House) -> None:
    playlist = await window.client.get("/hls/river/index.m3u8")
    assert playlist.status == 200 and await playlist.text() == "#EXTM3U\n"
    assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["Cache-Control"] == "no-cache"
    assert playlist.headers["Access-Control-Allow-Origin"] == "*"
    segment = await window.client.get("/hls/river/audio/a1.m4s")
    assert segment.headers["Content-Type"] == "video/mp4"
    assert "immutable" in segment.headers["Cache-Control"]
    part = await window.client.get("/hls/river/audio/a1.m4s", headers={"Range": "bytes=10-19"})
    assert part.status == 206 and await part.read() == bytes(range(10, 20))
    assert window.context.viewers.count() == 1


async def test_a_playlist_that_changed_is_read_again(window: House) -> None:
    file = window.data / "river" / "hls" / "index.m3u8"
    for round_ in range(5):
        draft = file.with_name("draft")
        draft.write_text(f"#EXTM3U\n# {round_}\n")
        draft.replace(file)
        answers = await asyncio.gather(
            *(window.client.get("/hls/river/index.m3u8") for _ in range(5))
        )
        for answer in answers:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.text() == f"#EXTM3U\n# {round_}\n"
    plain = await window.client.get(
        "/hls/river/index.m3u8", headers={"Accept-Encoding": "identity"}
    )
    assert "Content-Encoding" not in plain.headers and (await plain.text()).startswith("#EXTM3U")
    file.unlink()
    assert (await window.client.get("/hls/river/index.m3u8")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/hls/other/index.m3u8", "/hls/river/missing.m4s", "/hls/river/notes.txt",
        "/hls/river/.draft.m3u8", "/hls/river/../../secret.m3u8",
        "/hls/river/%2e%2e/%2e%2e/secret.m3u8", "/hls/river/..%2f..%2fsecret.m3u8",
        "/hls/river/%2fetc%2fpasswd", "/hls/..%2f/index.m3u8", "/hls/river/audio",
        "/hls/river/a%00.m4s", "/hls/river/..%5c..%5csecret.m3u8",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(window: House, path: str) -> None:
    status, answer = await raw_get(window, path)
    assert status == 404
    assert b"secret\n" not in answer and not answer.endswith(b"secret")


async def test_a_symbolic_link_leads_nowhere(window: House) -> None:
    (window.data / "river" / "hls" / "out.m3u8").symlink_to(window.data / "secret.m3u8")
    assert (await window.client.get("/hls/river/out.m3u8")).status == 404
