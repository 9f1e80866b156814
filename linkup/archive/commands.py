"""`linkup archive list|verify|export`: works with the folder alone, no server needed."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from linkup.errors import ConflictError, MissingError, UserError

app = typer.Typer(help="Recorded consultations: list, verify, export.", no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of recordings (default: storage.folder of sites.yaml)."),
]
Sites = Annotated[Path, typer.Option("--sites", help="Configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


@app.command("list")
def list_(data: Data = None, sites: Sites = Path("sites.yaml"), json: Json = False) -> None:
    """List what is recorded, the newest first."""
    from linkup.archive import index

    found = index.consultations(_folder(data, sites))
    if json:
        typer.echo(msgspec.json.encode({"consultations": found}).decode())
        return
    table = Table("id", "title", "began", "length", "size", "state")
    for each in found:
        began = datetime.fromtimestamp(each.started / 1000).astimezone()
        minutes, seconds = divmod(round(each.duration_s), 60)
        table.add_row(
            each.id,
            each.title.get("zh") or each.title.get("en", ""),
            began.strftime("%Y-%m-%d %H:%M"),
            f"{minutes // 60}:{minutes % 60:02}:{seconds:02}",
            f"{each.bytes / 1e6:.1f} MB",
            "live" if each.live else "",
        )
    Console().print(table if found else "Nothing is recorded yet.")


@app.command()
def verify(
    consultation: Annotated[
        str | None, typer.Argument(help="Id, or the folder of one consultation; all without.")
    ] = None,
    data: Data = None,
    sites: Sites = Path("sites.yaml"),
    key: Annotated[
        Path | None, typer.Option("--key", help="Public key (archive.pub) of the server.")
    ] = None,
    json: Json = False,
) -> None:
    """Check the hash chain, its signatures and every file. Exit code 1 when anything is wrong."""
    from linkup.archive import verify as verifying
    from linkup.record import journal, seal

    if consultation is not None and (Path(consultation) / journal.NAME).is_file():
        folders = [Path(consultation)]
    else:
        place = _folder(data, sites)
        if consultation is not None:
            folders = [_one(place, consultation)]
        else:
            folders = sorted(path.parent for path in place.glob(f"*/{journal.NAME}"))
        server = place / "keys" / seal.PUBLIC_NAME
        key = key or (server if server.is_file() else None)
    if not folders:
        raise MissingError("nothing-recorded", "there is nothing to verify")
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=json) as bar:
        task = bar.add_task("")
        reports = [
            verifying.verify(folder, key, lambda name: bar.update(task, description=name))
            for folder in folders
        ]
    if json:
        ok = all(each.ok for each in reports)
        typer.echo(msgspec.json.encode({"ok": ok, "consultations": reports}).decode())
    else:
        for report in reports:
            _show(report)
    if not all(each.ok for each in reports):
        raise typer.Exit(1)


@app.command()
def export(
    consultation: Annotated[str, typer.Argument(help="Id of the consultation.")],
    to: Annotated[Path, typer.Argument(help="The zip file to write.")],
    data: Data = None,
    sites: Sites = Path("sites.yaml"),
    json: Json = False,
) -> None:
    """Pack one consultation (files, journal, public key) into a zip that verifies by itself."""
    folder = _one(_folder(data, sites), consultation)
    if to.exists():
        raise ConflictError("exists", f"{to} is there already; choose another name")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _belongs(path, folder))
    size = 0
    try:
        # Stored, not deflated: coded media does not get smaller. ZIP64 for more than 4 GB.
        with zipfile.ZipFile(to, "x", zipfile.ZIP_STORED, allowZip64=True) as pack:
            for path in files:
                pack.write(path, Path(consultation) / path.relative_to(folder))
                size += path.stat().st_size
    except OSError as error:
        to.unlink(missing_ok=True)
        raise UserError("export", f"{to} cannot be written: {error.strerror or error}") from None
    if json:
        body = {"consultation": consultation, "file": str(to), "files": len(files), "bytes": size}
        typer.echo(msgspec.json.encode(body).decode())
    else:
        typer.echo(f"{len(files)} files, {size / 1e6:.1f} MB → {to}")


def _belongs(path: Path, folder: Path) -> bool:
    """The live HLS window is a copy of the program for viewers, not part of the record."""
    return path.relative_to(folder).parts[0] != "hls"


def _folder(data: Path | None, sites: Path) -> Path:
    if data is not None:
        return data
    from linkup.config import load

    return load(sites).storage.folder


def _one(data: Path, consultation: str) -> Path:
    from linkup.archive import index

    return index.folder(data, consultation)


def _show(report: object) -> None:
    from linkup.archive.verify import Report

    assert isinstance(report, Report)
    verdict = "[green]✔ unchanged[/]" if report.ok else "[red]✘ NOT as recorded[/]"
    console = Console()
    console.print(f"[bold]{report.consultation}[/]: {verdict}", highlight=False)
    console.print(
        f"  {report.lines} journal lines, {report.seals} seals until {report.sealed_until}, "
        f"{report.files_verified} of {report.files} files, {report.bytes / 1e6:.1f} MB",
        highlight=False,
    )
    console.print(f"  head {report.head}\n  key  {report.key}", highlight=False)
    for text in report.problems:
        console.print(f"  [red]✘[/] {text}", highlight=False, markup=True)
    for text in report.warnings:
        console.print(f"  [yellow]![/] {text}", highlight=False)
