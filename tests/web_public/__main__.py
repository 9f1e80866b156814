"""`python -m tests.web_public [folder]`: the pages with the stories of the tests, to look at."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from .devserver import DevServer
from .footage import Footage, make_footage

SECONDS = 60


async def main(folder: Path) -> None:
    ready = (folder / "site.webm").is_file()
    footage = Footage(folder, SECONDS) if ready else make_footage(folder, SECONDS)
    server = DevServer(footage, port=8099)
    await server.start()
    print(f"{server.url}/  /watch/river-2026  /review/budget-2026  (Ctrl+C ends)")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "footage")))
