"""`linkup check`: will it run here? One clear verdict a line, and what to do where it will not."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from linkup.config import Settings, load
from linkup.errors import ConfigError

Verdict = Literal["ok", "warning", "problem"]
GB = 1024**3
# 2.5 Mb/s of program and 1.5 Mb/s of each site, for one hour, in bytes
_PROGRAM_HOUR, _SITE_HOUR = 2_500_000 // 8 * 3600, 1_500_000 // 8 * 3600


@dataclass(frozen=True)
class Finding:
    """One checked thing. `advice` says what to do when it is not well."""

    what: str
    verdict: Verdict
    text: str
    advice: str = ""


def check(sites: Path, data: Path | None) -> list[Finding]:
    """Check the configuration and this machine. Never raises."""
    try:
        settings = load(sites)
    except ConfigError as error:
        return [Finding("sites.yaml", "problem", each) for each in error.problems]
    count = len(settings.sites)
    found = [
        Finding("sites.yaml", "ok", f"{sites}: {count} sites, {len(settings.outputs)} outputs")
    ]
    found += _ports(settings)
    found += _tls(settings)
    found += _media(settings)
    found += _disk(settings, data or settings.storage.folder)
    found += _pages()
    return found


def _ports(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    for what, kind, host, port in (
        ("web port", socket.SOCK_STREAM, server.host, server.port),
        ("media port", socket.SOCK_DGRAM, server.media_host, server.media_port),
    ):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        name = f"{host} port {port} ({'UDP' if kind == socket.SOCK_DGRAM else 'TCP'})"
        try:
            with socket.socket(family, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            advice = "another program uses it (perhaps a running linkup), or choose another port"
            yield Finding(what, "problem", f"{name}: {error.strerror}", advice)
        else:
            yield Finding(what, "ok", name)


def _tls(settings: Settings) -> Iterator[Finding]:
    tls = settings.server.tls
    if tls.mode == "off":
        advice = "browsers give cameras only to https or localhost; see server.tls in sites.yaml"
        yield Finding("TLS", "warning", "off: sites on other machines cannot use cameras", advice)
        return
    if tls.mode == "self-signed":
        yield Finding("TLS", "ok", "self-signed certificate, made at the first start")
        return
    for what, path in (("certificate", tls.certificate), ("key", tls.key)):
        if path is None or not os.access(path, os.R_OK):
            yield Finding(
                "TLS", "problem", f"{what} {path} cannot be read", "check path and rights"
            )
            return
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(str(tls.certificate), str(tls.key))
    except (ssl.SSLError, OSError) as error:
        yield Finding("TLS", "problem", f"certificate and key do not fit: {error}")
    else:
        yield Finding("TLS", "ok", f"{tls.certificate}")


def _media(settings: Settings) -> Iterator[Finding]:
    import av

    missing = [name for name in ("libx264", "aac", "libopus") if not _codec(av, name, "w")]
    missing += [name for name in ("vp8", "h264", "opus") if not _codec(av, name, "r")]
    if missing:
        text = f"this build of PyAV lacks: {', '.join(missing)}"
        yield Finding("encoders", "problem", text, "install PyAV's own wheel from PyPI")
    else:
        yield Finding("encoders", "ok", "H.264, AAC, Opus; decoders of VP8, H.264, Opus")
    from linkup.program import fonts

    if fonts.found().chinese:
        yield Finding("font", "ok", f"{fonts.found().regular}")
    else:
        advice = "apt-get install fonts-noto-cjk, or pip install 'linkup-consult[fonts]'"
        yield Finding("font", "problem", "none with Chinese characters: titles are boxes", advice)
    from linkup.broadcast.push import find_ffmpeg

    if find_ffmpeg():
        yield Finding("ffmpeg", "ok", f"{find_ffmpeg()}")
    elif settings.outputs:
        advice = "apt-get install ffmpeg, or pip install 'linkup-consult[ffmpeg]'"
        yield Finding("ffmpeg", "problem", "not here, and outputs need it", advice)
    else:
        yield Finding("ffmpeg", "warning", "not here; needed only for outputs (RTMP)")


def _codec(av: object, name: str, mode: str) -> bool:
    with contextlib.suppress(Exception):
        getattr(av, "Codec")(name, mode)  # noqa: B009 (av has no types for this)
        return True
    return False


def _disk(settings: Settings, data: Path) -> Iterator[Finding]:
    folder = data.absolute()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        advice = "change storage.folder in sites.yaml, or its rights"
        yield Finding("disk", "problem", f"{data}: cannot be written", advice)
        return
    free = shutil.disk_usage(folder).free
    hours = free / (_PROGRAM_HOUR + len(settings.sites) * _SITE_HOUR)
    text = f"{data}: {free / GB:.0f} GB free, about {hours:.0f} h of recording all sites"
    if free < settings.storage.minimum_free_mb * 1024 * 1024 or hours < 3:
        yield Finding("disk", "warning", text, "make room before a long consultation")
    else:
        yield Finding("disk", "ok", text)


def _pages() -> Iterator[Finding]:
    here = Path(__file__).parent
    for folder in (here / "web" / "dist", here.parent / "web" / "dist"):
        if (folder / "manifest.json").exists():
            yield Finding("pages", "ok", "built")
            return
    yield Finding("pages", "problem", "the pages are not built", "run `make setup`")
