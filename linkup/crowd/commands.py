"""`linkup simulate` and `linkup demo`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Media = Annotated[Path | None, typer.Option("--media", help="A video file to send, in a loop.")]


def simulate(
    url: Annotated[str, typer.Option("--url", help="The running server: http://host:port.")],
    sites: Annotated[int, typer.Option("--sites", min=1, max=200, help="How many join.")] = 3,
    media: Media = None,
    token: Annotated[
        list[str] | None,
        typer.Option("--token", help="A site's token, or one operator's token. Repeatable."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The server's data folder: its keys sign tokens.")
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", help="The server's sites.yaml, with --data.")
    ] = Path("sites.yaml"),
    seconds: Annotated[float, typer.Option("--seconds", help="0: until Ctrl-C.")] = 0,
    way: Annotated[str, typer.Option("--way", help="page (both directions) or whip.")] = "page",
    codec: Annotated[str, typer.Option("--codec", help="vp8 or h264.")] = "vp8",
    loss: Annotated[float, typer.Option("--loss", min=0, max=1, help="Share, both ways.")] = 0.0,
    burst: Annotated[float, typer.Option("--burst", min=1, help="Mean run of losses.")] = 1.0,
    delay_ms: Annotated[float, typer.Option("--delay-ms", min=0)] = 0.0,
    jitter_ms: Annotated[float, typer.Option("--jitter-ms", min=0)] = 0.0,
    reorder: Annotated[float, typer.Option("--reorder", min=0, max=1)] = 0.0,
    duplicate: Annotated[float, typer.Option("--duplicate", min=0, max=1)] = 0.0,
    kbps: Annotated[float, typer.Option("--kbps", min=0, help="Ceiling; 0: none.")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Repeats the same bad wire.")] = 0,
    as_json: Json = False,
) -> None:
    """Join synthetic sites at a running server, as real WebRTC clients with real footage."""
    from linkup.crowd import simulate as simulation
    from linkup.crowd.impair import Profile

    profile = Profile(
        loss=loss, burst=burst, delay_ms=delay_ms, jitter_ms=jitter_ms, reorder=reorder,
        duplicate=duplicate, kbps=kbps,
    )  # fmt: skip
    plan = simulation.plan(
        url=url, sites=sites, media=media, tokens=token or [], data=data, config=config,
        seconds=seconds, way=way, codec=codec, impairment=profile, seed=seed,
    )  # fmt: skip
    result = asyncio.run(simulation.run(plan, say=None if as_json else typer.echo))
    _finish(result, as_json)


def demo(
    branches: Annotated[int, typer.Option("--branches", min=1, max=60, help="Beside a hall.")] = 3,
    seconds: Annotated[float, typer.Option("--seconds", help="0: until Ctrl-C.")] = 0,
    sites: Annotated[
        Path | None, typer.Option("--sites", help="Configuration; else sites.yaml if there is one.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of recordings, keys.")] = None,
    media: Media = None,
    as_json: Json = False,
) -> None:
    """Start everything with synthetic sites that send footage; open the links and take part."""
    import linkup.crowd.demo as demonstration

    result = demonstration.run(branches, seconds, sites, data, as_json, media)
    _finish(result, as_json)


def _finish(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False), flush=True)
    raise typer.Exit(0 if result["ok"] else 1)
