"""The house stays as docs/architecture.md draws it: imports go down only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "linkup"

# Each room, and the floor it stands on. A module may import what stands below it, or what is in
# the same room. Rooms on one floor do not know each other, but for what NEIGHBOURS allows.
FLOORS: dict[str, int] = {
    "errors": 0, "clock": 0, "__init__": 0,
    "config": 1, "messages": 1, "requests": 1, "wire": 1, "show": 1,
    "runtime": 2,
    "media": 3, "program": 3, "broadcast": 3, "record": 3, "archive": 3, "store": 3,
    "supervise": 3, "hub": 3, "invite": 4,
    "studio": 5, "server": 6,
    "app": 7, "check": 7, "crowd": 7, "cli": 8, "__main__": 9,
}  # fmt: skip
NEIGHBOURS = {
    ("messages", "wire"), ("requests", "messages"), ("requests", "config"), ("show", "messages"),
    ("show", "config"), ("show", "requests"),
    ("program", "broadcast"),  # the program's encoders feed the outputs
    ("archive", "record"),  # the archive reads what record wrote: journal and seal
}  # fmt: skip
PURE = ("wire", "show")
IMPURE = {"asyncio", "av", "aiohttp", "socket", "time", "threading", "sqlalchemy", "subprocess"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> set[str]:
    """All modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "linkup":
                found |= {f"linkup.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert room in FLOORS, f"{room} has no floor: give it one here and in docs/architecture.md"
    for module in imports(path):
        if not module.startswith("linkup"):
            continue
        other = room_of(module)
        if other in (room, "__version__"):
            continue
        below = FLOORS.get(other, 99) < FLOORS[room]
        assert below or (room, other) in NEIGHBOURS, f"{room} may not import {module}"


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_have_no_clock_and_no_io(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        impure = {module.split(".")[0] for module in imports(path)} & IMPURE
        assert not impure, f"{path.name} imports {impure}"


def test_private_names_of_libraries_stay_in_one_file_each() -> None:
    names = {
        "pylibsrtp._binding": "media/srtp.py",
        "_rx_srtp": "media/dtls.py",
        "_set_role": "media/dtls.py",
    }
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for name, home in names.items():
            if name in text:
                assert str(path.relative_to(ROOT)) == home, f"{name} is used in {path.name}"
