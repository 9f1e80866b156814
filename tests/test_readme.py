"""What the documents promise is there: commands, links, pictures, keys."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from linkup.config import load

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
DOCUMENTS = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    """The lines of all shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("file", READMES, ids=lambda file: file.name)
def test_commands_of_the_readme_exist(file: Path) -> None:
    found = commands(file.read_text(encoding="utf-8"))
    assert found[:2] == ["make demo", "make test"], "they are the two that a newcomer needs"
    for line in found:
        words = shlex.split(line)
        if words[0] == "make":
            subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
            continue
        assert words[0] == ".venv/bin/linkup", line
        verbs = words[1:3] if words[1] in ("archive", "bench") else words[1:2]
        help_text = subprocess.run(
            [sys.executable, "-m", "linkup", *verbs, "--help"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        for option in [word for word in words if word.startswith("--")]:
            assert option in help_text, f"{line}: no {option}"


def test_both_readmes_have_the_same_commands() -> None:
    english, chinese = (commands(file.read_text(encoding="utf-8")) for file in READMES)
    assert english == chinese


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_example_of_the_configuration_parses(file: Path, tmp_path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", file.read_text(encoding="utf-8"), re.S):
        example = tmp_path / "sites.yaml"
        example.write_text(block, encoding="utf-8")
        load(example)


def test_files_that_the_map_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+/)+\w+\.py|\w+\.py)`", text):
        places = (ROOT / "linkup" / name, ROOT / name)
        assert any(place.exists() for place in places), name


def test_no_default_leads_outside() -> None:
    """Nothing in code or pages names an address on the Internet (standards aside)."""
    allowed = re.compile(
        r"w3\.org|json-schema\.org|example\.|localhost|127\.0\.0\.1|\{|urn:|github|meetecho|rtp-hdrext"
    )
    files = [
        path
        for folder, endings in (("linkup", (".py",)), ("web/src", (".ts", ".tsx")),
                                ("web/templates", (".html",)), ("web/styles", (".css",)))
        for path in (ROOT / folder).rglob("*")
        if path.suffix in endings
    ]  # fmt: skip
    for path in files:
        # A host with a dot is a name on the Internet, or an address.
        names = re.findall(r"(?:https?|wss?)://[\w-]+\.[^\s\"'`<>)]+", path.read_text("utf-8"))
        for address in names:
            assert allowed.search(address), f"{path.relative_to(ROOT)}: {address}"
