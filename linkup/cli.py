"""The command line. Heavy modules are imported inside the commands that need them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from linkup.errors import LinkupError

app = typer.Typer(
    name="linkup",
    help="Link a main hall with many branch sites; switch, broadcast, record.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)

Sites = Annotated[Path, typer.Option("--sites", help="Configuration file.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder of recordings, database, keys.")]


@app.command()
def serve(sites: Sites = Path("sites.yaml"), data: Data = None) -> None:
    """Run the server: control, media, program and record under one supervisor."""
    from linkup import supervise
    from linkup.config import load
    from linkup.runtime import configure_logs

    configure_logs("supervisor")
    folder = data or load(sites).storage.folder
    asyncio.run(supervise.serve(supervise.Supervisor(sites, folder)))


@app.command(hidden=True)
def process(
    name: str,
    run: Annotated[Path, typer.Option()],
    data: Annotated[Path, typer.Option()],
    sites: Annotated[Path, typer.Option()],
) -> None:
    """Run one of the four processes (the supervisor calls this)."""
    from importlib import import_module

    from linkup.runtime import Place, run_process

    place = Place(run=run, data=data, sites=sites)
    module = {
        "control": "linkup.app",
        "media": "linkup.media.process",
        "program": "linkup.program.process",
        "record": "linkup.record.process",
    }[name]
    body = import_module(module).main  # each: async def main(place: Place, stop: asyncio.Event)
    run_process(name, lambda stop: body(place, stop))


def main() -> None:
    """Entry point: errors that are ours to explain become one clear message and exit code 1."""
    try:
        app()
    except LinkupError as error:
        typer.secho(error.message, err=True, fg=typer.colors.RED)
        raise SystemExit(1) from None
