"""The command line. Heavy modules are imported inside the commands that need them."""

from __future__ import annotations

import asyncio
import json
import sys
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
    pretty_exceptions_enable=False,  # a plain traceback in the log of a process
)

Sites = Annotated[Path, typer.Option("--sites", help="Configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder of recordings, database, keys.")]


@app.command()
def serve(sites: Sites = Path("sites.yaml"), data: Data = None) -> None:
    """Run the server: control, media, program and record under one supervisor."""
    from linkup import supervise
    from linkup.config import load
    from linkup.runtime import configure_logs

    configure_logs("supervisor")
    settings = load(sites)  # wrong: said here, once, not by four processes
    folder = data or settings.storage.folder
    asyncio.run(supervise.serve(supervise.Supervisor(sites, folder)))


@app.command()
def check(
    sites: Sites = Path("sites.yaml"),
    data: Data = None,
    json_output: Json = False,
    schema: Annotated[bool, typer.Option(help="Print the JSON Schema of sites.yaml.")] = False,
) -> None:
    """Check the configuration and this machine: a verdict a line, and what to do."""
    from dataclasses import asdict

    from linkup import check as checks
    from linkup import config

    if schema:
        print(json.dumps(config.schema(), indent=1, ensure_ascii=False))
        return
    findings = checks.check(sites, data)
    problems = sum(each.verdict == "problem" for each in findings)
    if json_output:
        print(json.dumps({"problems": problems, "findings": [asdict(each) for each in findings]}))
    else:
        signs = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}
        for each in findings:
            sign, colour = signs[each.verdict]
            typer.secho(f"{sign} {each.what}: {each.text}", fg=colour)
            if each.advice:
                typer.echo(f"    → {each.advice}")
    raise typer.Exit(1 if problems else 0)


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


def _register() -> None:
    """Commands that live beside what they command."""
    from linkup.archive.commands import app as archive
    from linkup.crowd.bench import app as bench
    from linkup.crowd.commands import demo, simulate
    from linkup.server.commands import invite, operator, revoke

    for command in (demo, invite, revoke, operator, simulate):
        app.command()(command)
    app.add_typer(archive, name="archive", help="List, verify and export recordings.")
    app.add_typer(bench, name="bench", help="Measure this machine.")


def main() -> None:
    """Entry point: errors that are ours to explain become one clear message and exit code 1."""
    try:
        if sys.argv[1:2] != ["process"]:  # a restarted process must be back quickly
            _register()
        app()
    except LinkupError as error:
        typer.secho(error.message, err=True, fg=typer.colors.RED)
        raise SystemExit(1) from None
