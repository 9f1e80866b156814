"""Where the pages' files are: built scripts and styles (by manifest), and the Jinja2 shells.

In an installed wheel both lie inside the package, in a checkout under `web/`.
"""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path

import jinja2
import structlog

log = structlog.get_logger()

_PACKAGE = Path(__file__).resolve().parent.parent
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}


def web_folder() -> Path:
    """The folder that has `dist` and `templates`."""
    inside = _PACKAGE / "web"
    return inside if (inside / "templates").is_dir() else _PACKAGE.parent / "web"


class Assets:
    """The built files of the pages, and their shells."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or web_folder()
        self._dist = folder / "dist"
        self._manifest: dict[str, str] = {}
        self._read_at = -1
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def address(self, name: str) -> str | None:
        """The path of a built file (`console.js`) with its hash; None when it was not built."""
        built = self.manifest().get(name)
        return f"/static/{built}" if built is not None else None

    def manifest(self) -> dict[str, str]:
        """Names as the shells know them → names with hash. Read again after each build."""
        file = self._dist / "manifest.json"
        try:
            changed = file.stat().st_mtime_ns
            if changed != self._read_at:
                self._manifest = json.loads(file.read_text(encoding="utf-8"))
                self._read_at = changed
        except FileNotFoundError:
            self._manifest, self._read_at = {}, -1
        except (OSError, ValueError) as error:
            log.error("the pages' manifest cannot be read", error=str(error))
        return self._manifest

    def file(self, name: str) -> tuple[Path, str] | None:
        """A built file and its MIME type; None for what is not there or not to be served."""
        file = inside(self._dist, name)
        kind = _TYPES.get(file.suffix) if file is not None else None
        if file is None or kind is None or file.name == "manifest.json":
            return None
        return file, kind


@functools.lru_cache(maxsize=64)
def compressed(file: Path, changed: int) -> bytes | None:
    """The file gzipped, or None where that does not pay. `changed` (ns) tells builds apart."""
    if file.suffix not in (".js", ".css", ".svg", ".json"):
        return None
    content = file.read_bytes()
    packed = gzip.compress(content, 6, mtime=0)
    return packed if len(packed) < 0.9 * len(content) else None


def inside(folder: Path, name: str) -> Path | None:
    """The existing file `name` below `folder`; None for anything else, wherever it may lead."""
    if "\x00" in name or "\\" in name:
        return None
    try:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file():
            return None
    except OSError:  # a name too long
        return None
    if any(part.startswith(".") for part in file.relative_to(folder.resolve()).parts):
        return None
    return file
