"""Prints the requirements of pyproject.toml, with those of the named dependency groups."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
wanted = list(project["project"]["dependencies"])
for group in sys.argv[1:]:
    wanted += project["dependency-groups"][group]
print("\n".join(wanted))
