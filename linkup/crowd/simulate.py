"""`linkup simulate`: N synthetic sites at a running server."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from linkup.crowd.client import Manners
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.impair import Profile
from linkup.crowd.looks import Look
from linkup.crowd.offers import VideoCodec
from linkup.crowd.sites import SimulatedSite, Way
from linkup.errors import PeerError, UserError

Say = Callable[[str], None]
JOIN_S = 20.0  # a site that has not joined by then has not joined
CACHE = Path("cache") / "footage"  # below the data folder


@dataclass(frozen=True)
class Plan:
    """Who joins where, and how."""

    url: str
    tokens: dict[str, str]  # site → token, in order
    names: dict[str, str]
    operator: str  # an operator's token, when the others are to be asked for
    sites: int
    media: Path | None
    cache: Path
    seconds: float
    way: Way
    codec: VideoCodec
    impairment: Profile
    seed: int


def plan(
    *, url: str, sites: int, media: Path | None, tokens: list[str], data: Path | None,
    config: Path, seconds: float, way: str, codec: str, impairment: Profile, seed: int,
) -> Plan:  # fmt: skip
    """Check what the command line gave. Raises `UserError` and `ConfigError`."""
    if way not in ("page", "whip"):
        raise UserError("way", f"--way is page or whip, not '{way}'")
    if codec not in ("vp8", "h264"):
        raise UserError("codec", f"--codec is vp8 or h264, not '{codec}'")
    given: dict[str, str] = {}
    names: dict[str, str] = {}
    operator = ""
    for token in tokens:
        claims = _claims(token)
        if claims.get("role") == "operator":
            operator = token
        elif isinstance(site := claims.get("site"), str):
            given[site] = token
        else:
            raise UserError("token", "--token wants a site's token or an operator's")
    if data is not None:
        given, names = own_tokens(data, config)
    if not given and not operator:
        raise UserError(
            "token",
            "How may the sites join? Give --data (the server's data folder), an operator's "
            "--token, or one --token for each site (linkup invite SITE prints it).",
        )
    if not operator and len(given) < sites:
        raise UserError("sites", f"--sites {sites}, but there are tokens for {len(given)} only")
    return Plan(
        url=url.rstrip("/"), tokens=given, names=names, operator=operator, sites=sites,
        media=media, cache=(data or Path("recordings")) / CACHE, seconds=seconds,
        way="page" if way == "page" else "whip", codec="vp8" if codec == "vp8" else "h264",
        impairment=impairment, seed=seed,
    )  # fmt: skip


def own_tokens(data: Path, config: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Tokens of all sites, signed with the server's own key; and the sites' names."""
    from linkup import config as configuration
    from linkup import invite

    settings = configuration.load(config)
    tokens = {
        site.id: invite.make(data, settings, "site", site.id, name="simulated").token
        for site in settings.sites
    }
    return tokens, {site.id: site.name.in_language("zh") for site in settings.sites}


def _claims(token: str) -> dict[str, Any]:
    """What a token says; the server checks whether it is true."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        raise UserError("token", "--token is not a token (linkup invite prints them)") from None
    return claims if isinstance(claims, dict) else {}


async def _invited(session: aiohttp.ClientSession, plan: Plan) -> tuple[dict[str, str], ...]:
    """Ask the server for tokens of its sites, with an operator's token."""
    headers = {"Authorization": f"Bearer {plan.operator}"}
    try:
        async with session.get(f"{plan.url}/api/v1/status", headers=headers) as answer:
            status = await answer.json()
        names = {site["id"]: str(site["name"]) for site in status["sites"]}
        for site in status["sites"]:
            if isinstance(site["name"], dict):
                names[site["id"]] = site["name"].get("zh") or site["name"].get("en") or ""
        tokens = {}
        for site in list(names)[: plan.sites]:
            body = {"role": "site", "site": site}
            address = f"{plan.url}/api/v1/invitations"
            async with session.post(address, json=body, headers=headers) as answer:
                tokens[site] = str((await answer.json())["token"])
    except (aiohttp.ClientError, KeyError, TypeError, ValueError) as error:
        raise PeerError("url", f"{plan.url} gave no invitations: {error!r}") from None
    return tokens, names


async def run(plan: Plan, say: Say | None = None) -> dict[str, Any]:
    """Join, stay for the time, leave, tell. `ok` is whether every site joined."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        tokens, names = plan.tokens, plan.names
        if plan.operator and not tokens:
            tokens, names = await _invited(session, plan)
        chosen = list(tokens)[: plan.sites]
        if len(chosen) < plan.sites:
            raise UserError("sites", f"the server has {len(chosen)} sites, not {plan.sites}")
        kitchen = Kitchen(plan.cache)
        crowd: list[SimulatedSite] = []
        try:
            await _join(session, plan, chosen, tokens, names, kitchen, crowd)
            joined = await _all_present(crowd, JOIN_S)
            if say:
                say(f"{joined} of {len(chosen)} sites joined {plan.url}")
            await _wait(stop, plan.seconds)
        finally:
            kitchen.close()
            await asyncio.gather(*(site.stop() for site in crowd))
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)
    result = summary(crowd, len(chosen))
    if say:
        _tell(say, result)
    return result


async def _join(
    session: aiohttp.ClientSession, plan: Plan, chosen: list[str], tokens: dict[str, str],
    names: dict[str, str], kitchen: Kitchen, crowd: list[SimulatedSite],
) -> None:  # fmt: skip
    looks = [Look(number, site, names.get(site, site)) for number, site in enumerate(chosen)]

    async def one(index: int) -> None:
        clip = await kitchen.clip(made[index])
        manners = Manners(impairment=plan.impairment, seed=f"{plan.seed}-{chosen[index]}")
        site = SimulatedSite(
            session, plan.url, chosen[index], tokens[chosen[index]], clip, manners, plan.way
        )
        crowd.append(site)
        site.start()

    made = recipes(looks, plan.media, plan.codec)
    await asyncio.gather(*(one(index) for index in range(len(made))))


async def _all_present(crowd: list[SimulatedSite], timeout: float) -> int:
    waits = [asyncio.create_task(site.present.wait()) for site in crowd]
    await asyncio.wait(waits, timeout=timeout)
    for wait in waits:
        wait.cancel()
    return sum(site.present.is_set() for site in crowd)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds or None)
    except TimeoutError:
        return


def summary(crowd: list[SimulatedSite], wanted: int) -> dict[str, Any]:
    """The crowd's own counts; after all have stopped."""
    sites = sorted((site.summary() for site in crowd), key=lambda each: str(each["site"]))
    joined = sum(each["joined"] for each in sites)
    return {
        "ok": joined == wanted,
        "sites": wanted,
        "sites_joined": joined,
        **{
            key: sum(each[key] for each in sites)
            for key in ("packets_sent", "packets_received", "packets_lost", "renewals")
        },
        "by_site": sites,
    }


def _tell(say: Say, result: dict[str, Any]) -> None:
    for site in result["by_site"]:
        say(
            f"  {site['site']}: sent {site['packets_sent']}, received "
            f"{site['packets_received']}, lost {site['packets_lost']}, "
            f"first picture after {site['first_picture_ms']} ms"
        )
        for error in site["errors"]:
            say(f"    {error}")
