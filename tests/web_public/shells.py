"""The server's own page shells (web/templates), filled in as docs/protocol.md tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

TEMPLATES = Path(__file__).resolve().parents[2] / "web" / "templates"
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Told:
    """What a message page or a refused sign-in says."""

    code: str
    title: dict[str, str]
    text: dict[str, str]


def shell(page: str, boot: dict[str, Any], dist: Path, told: Told | None = None) -> str:
    """The HTML of one page with its boot data; style and script by the build's manifest."""
    manifest = json.loads((dist / "manifest.json").read_text())
    data = json.dumps(boot, ensure_ascii=False).replace("<", "\\u003c")
    language = boot["language"]
    return _environment.get_template(f"{page}.html").render(
        page=page,
        language=language,
        other="en" if language == "zh" else "zh",
        theme="light",
        title=boot["consultation"]["title"][language],
        boot=Markup(data),
        script=_address(manifest, f"{page}.js"),
        style=_address(manifest, f"{page}.css"),
        told=told,
        next="",
    )


def _address(manifest: dict[str, str], name: str) -> str | None:
    return f"/static/{manifest[name]}" if name in manifest else None
