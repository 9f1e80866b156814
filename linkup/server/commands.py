"""`linkup invite`, `linkup revoke`, `linkup operator`: they work with and without a server."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from linkup.config import Settings

SitesOption = Annotated[Path, typer.Option("--sites", help="Configuration file.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of recordings, database, keys.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def invite(
    site: Annotated[str | None, typer.Argument(help="Id of the site, as in sites.yaml.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="Instead of a site: operator, reviewer, partner.")
    ] = None,
    hours: Annotated[float | None, typer.Option("--hours", help="How long it counts.")] = None,
    name: Annotated[str, typer.Option("--name", help="Whom it is for (shown in logs).")] = "",
    as_json: JsonOption = False,
    sites: SitesOption = Path("sites.yaml"),
    data: DataOption = None,
) -> None:
    """Make a signed link and print it with its token and QR code."""
    from linkup import invite as invitations

    settings, folder = _where(sites, data)
    if (site is None) == (role is None or role == "site"):
        raise typer.BadParameter("give the id of a site, or --role operator|reviewer|partner")
    made = invitations.make(folder, settings, role or "site", site, hours, name)
    asyncio.run(invitations.remember(folder, made, by=f"command:{getpass.getuser()}"))
    if as_json:
        shown = {"token": made.token, "url": made.url, "jti": made.jti}
        print(json.dumps({**shown, "role": made.role, "site": site, "expires": made.expires}))
        return
    until = datetime.fromtimestamp(made.expires / 1000).astimezone()
    who = site or made.role
    print(f"{who}: valid until {until:%Y-%m-%d %H:%M %Z}, revoke with: linkup revoke {made.jti}")
    print(f"\n{made.url}\n")
    print(f"token: {made.token}")
    if made.role != "partner":
        print()
        qr_code(made.url)


def revoke(
    jti: Annotated[str, typer.Argument(help="The invitation's id, its token or its link.")],
    as_json: JsonOption = False,
    sites: SitesOption = Path("sites.yaml"),
    data: DataOption = None,
) -> None:
    """Let an invitation count no more. Who came in by it is disconnected within seconds."""
    from linkup import invite as invitations

    _settings, folder = _where(sites, data)
    by = f"command:{getpass.getuser()}"
    found = asyncio.run(invitations.revoke(folder, jti, by=by))
    print(json.dumps({"revoked": found}) if as_json else f"revoked: {found}")


def operator(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    sites: SitesOption = Path("sites.yaml"),
    data: DataOption = None,
) -> None:
    """Let somebody sign in to the console with a name and a password (asked for here)."""
    from linkup import invite as invitations

    _settings, folder = _where(sites, data)
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    asyncio.run(invitations.add_operator(folder, name, password))
    print(f"{name} can sign in with this password")


def qr_code(url: str) -> None:
    """Print a QR code to the terminal, in half-blocks."""
    import segno

    segno.make(url, error="l").terminal(out=sys.stdout, compact=True, border=2)


def _where(sites: Path, data: Path | None) -> tuple[Settings, Path]:
    from linkup.config import load

    settings = load(sites)
    return settings, (data or settings.storage.folder).absolute()
