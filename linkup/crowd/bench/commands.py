"""The sub-commands of `linkup bench`. Each default run fits into 50 s."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)
