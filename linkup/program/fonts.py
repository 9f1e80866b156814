"""Where the Chinese font is, and how it is opened.

Looked for in this order: the variable `LINKUP_FONT` (a file), Debian's `fonts-noto-cjk` and the
places other systems use for the same family, the PyPI package `justmytype-intl-cjk`
(extra `fonts`). Without any of them titles are drawn with Pillow's own Latin font, and every
Chinese character is a box: `found().chinese` says so, the program process warns of it at its
start, and `linkup check` can too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PACKAGE = "justmytype_intl_cjk"
_FAMILY = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN")
_FOLDERS = (
    "/usr/share/fonts/opentype/noto",  # Debian, Ubuntu
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/google-noto-cjk",  # Fedora
    "/usr/share/fonts/google-noto-sans-cjk-fonts",
    "/usr/share/fonts/noto-cjk",  # Arch
    "/usr/share/fonts/noto",  # Alpine
    "/usr/local/share/fonts",
)
_NAMES = ("NotoSansCJK-{}.ttc", "NotoSansCJKsc-{}.otf", "NotoSansSC-{}.otf", "NotoSansSC-{}.ttf")


@dataclass(frozen=True, slots=True)
class FontFiles:
    """Files of the two weights. The same file twice: a variable font, or one that has no bold."""

    regular: Path | None
    bold: Path | None

    @property
    def chinese(self) -> bool:
        """Whether Chinese can be drawn."""
        return self.regular is not None


@cache
def found() -> FontFiles:
    """The font of this machine."""
    return find(os.environ.get("LINKUP_FONT", ""), _FOLDERS, _package())


def find(chosen: str, folders: tuple[str, ...], package: Path | None) -> FontFiles:
    """Look for the font: a chosen file first, then folders, then the installed package."""
    if chosen and Path(chosen).is_file():
        return FontFiles(Path(chosen), Path(chosen))
    for folder in folders:
        for name in _NAMES:
            regular = Path(folder) / name.format("Regular")
            if regular.is_file():
                bold = Path(folder) / name.format("Bold")
                return FontFiles(regular, bold if bold.is_file() else regular)
    if package is not None:
        for file in sorted(package.rglob("NotoSansSC*.[to]tf")):
            return FontFiles(file, file)
    return FontFiles(None, None)


@lru_cache(maxsize=64)
def font(size: int, bold: bool = False) -> Font:
    """The font at a size in pixels."""
    files = found()
    file = files.bold if bold else files.regular
    if file is None:
        return ImageFont.load_default(size)
    opened = ImageFont.truetype(file, size, index=_index(file))
    if files.regular == files.bold:
        _set_weight(opened, 700 if bold else 400)
    return opened


def _package() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


@cache
def _index(file: Path) -> int:
    """Which font of a collection is the one for Simplified Chinese."""
    if file.suffix.lower() != ".ttc":
        return 0
    for index in range(20):
        try:
            family = ImageFont.truetype(file, 16, index=index).getname()[0]
        except OSError:
            break
        if family in _FAMILY:
            return index
    return 0


def _set_weight(opened: ImageFont.FreeTypeFont, weight: int) -> None:
    try:
        opened.set_variation_by_axes([weight])
    except (OSError, NotImplementedError):  # not a variable font: one weight serves for both
        return
