"""The sub-commands of `linkup bench`. Each default run fits into 50 s."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


@app.command()
def forward(
    seconds: Annotated[float, typer.Option(help="How long each load is measured.")] = 2.5,
    peer: Annotated[bool, typer.Option(help="Measure Debian's Janus in turn.")] = True,
    as_json: Json = False,
) -> None:
    """CPU for each packet delivered to a subscriber, beside Janus under the same load."""
    from linkup.crowd.bench import forward as bench

    _show(bench.run(seconds, peer), as_json)


@app.command()
def latency(
    seconds: Annotated[float, typer.Option(help="How long packets are measured.")] = 6.0,
    takes: Annotated[int, typer.Option(help="How many takes.")] = 15,
    as_json: Json = False,
) -> None:
    """Time that the server adds to a packet, and from a take to the program's frame."""
    from linkup.crowd.bench import latency as bench

    _show(bench.run(seconds, takes), as_json)


@app.command()
def mix(
    seconds: Annotated[float, typer.Option(help="How long each is measured.")] = 14.0,
    as_json: Json = False,
) -> None:
    """CPU of the program beside the ffmpeg command line doing the same."""
    from linkup.crowd.bench import mix as bench

    _show(bench.run(seconds), as_json)


@app.command()
def record(
    seconds: Annotated[float, typer.Option(help="How long each is measured.")] = 10.0,
    as_json: Json = False,
) -> None:
    """CPU of recording one site beside `ffmpeg -c copy`."""
    from linkup.crowd.bench import record as bench

    _show(bench.run(seconds), as_json)


@app.command()
def join(
    joins: Annotated[int, typer.Option(help="How many joins.")] = 8,
    as_json: Json = False,
) -> None:
    """From the click on "join" to the first remote picture in Chromium."""
    from linkup.crowd.bench import join as bench

    _show(bench.run(joins), as_json)


@app.command()
def capacity(
    seconds: Annotated[float, typer.Option(help="How long it is measured.")] = 15.0,
    branches: Annotated[int, typer.Option(help="Beside two halls.")] = 17,
    as_json: Json = False,
) -> None:
    """Event A: two halls, seventeen branches, the whole wall at a console, HLS, recording."""
    from linkup.crowd.bench import capacity as bench

    _show(bench.run(seconds, branches), as_json)


# What a terminal has room for; `--json` has everything.
_COLUMNS = {
    "subscribers": "subscribers",
    "packets_per_s": "packets/s",
    "us_per_packet": "µs/packet",
    "us_per_packet_peer": "Janus",
    "ratio": "ratio",
    "loss": "loss",
    "delivered_per_s": "delivered/s",
}


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for table in tables(result):
        console.print(table)
    load, cores = result["machine"]["load"], result["machine"]["cores"]
    if load > cores:
        console.print(f"[yellow]The machine was busy (load {load} on {cores} cores).[/yellow]")


def tables(result: dict[str, Any]) -> list[Table]:
    """A result as tables: its rows, and everything else by name."""
    out: list[Table] = []
    rows = result.get("rows")
    if rows:
        keys = [key for key in _COLUMNS if key in rows[0]]
        table = Table(*(_COLUMNS[key] for key in keys))
        for row in rows:
            table.add_row(*("–" if row[key] is None else str(row[key]) for key in keys))
        out.append(table)
    table = Table(show_header=False)
    for key, value in result.items():
        if key == "rows":
            continue
        shown = value
        if isinstance(value, dict):
            shown = "  ".join(f"{name} {each}" for name, each in value.items())
        table.add_row(key, str(shown))
    return [*out, table]
