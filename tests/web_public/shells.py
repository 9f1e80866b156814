"""The shells of the pages as docs/protocol.md tells, filled in as the server does."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any


def shell(page: str, boot: dict[str, Any], dist: Path) -> str:
    """The HTML of one page with its boot data; style and script by the build's manifest."""
    manifest = json.loads((dist / "manifest.json").read_text())
    title = boot["consultation"]["title"][boot["language"]]
    data = json.dumps(boot, ensure_ascii=False).replace("<", "\\u003c")
    language = "zh-CN" if boot["language"] == "zh" else "en"
    style = manifest.get(f"{page}.css")
    link = f'<link rel="stylesheet" href="/static/{style}">' if style else ""
    return f"""<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<link rel="icon" href="data:,">
<title>{html.escape(title)}</title>
{link}
<body>
<div id="app"></div>
<script type="application/json" id="boot">{data}</script>
<script type="module" src="/static/{manifest[f"{page}.js"]}"></script>
</body>
</html>
"""
