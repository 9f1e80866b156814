"""By which addresses this machine and this server can be reached. Nothing is asked of a network."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import socket
import struct
from pathlib import Path

from linkup.config import Settings

FILE = "server.json"  # in the data folder while a server runs
_SIOCGIFADDR = 0x8915  # netdevice(7)


def local_ipv4() -> list[str]:
    """IPv4 addresses of all interfaces, loopback last."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
                found.append(socket.inet_ntoa(answer[20:24]))
    return sorted(found, key=lambda address: ipaddress.ip_address(address).is_loopback)


def local_ipv6() -> list[str]:
    """IPv6 addresses of all interfaces but link-local ones (Linux: /proc/net/if_inet6)."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
        all_ = [ipaddress.IPv6Address(bytes.fromhex(line.split()[0])) for line in lines]
        return [str(address) for address in all_ if not address.is_link_local]
    return []


def first_address() -> str:
    """The first IPv4 address that others can reach; loopback when there is none."""
    return next(iter(local_ipv4()), "127.0.0.1")


def url_base(data: Path, settings: Settings) -> str:
    """What links begin with, without a slash at the end."""
    server = settings.server
    if server.public_url:
        return server.public_url.rstrip("/")
    running = read_running(data)
    port = running.get("port", server.port)
    host = str(running.get("host", server.host))
    if server.tls.mode == "off":
        # Cameras work on plain HTTP only there (secure contexts).
        return f"http://localhost{_port(port, 80)}"
    if host in ("0.0.0.0", "::", ""):
        host = first_address()
    elif ":" in host:
        host = f"[{host}]"
    return f"https://{host}{_port(port, 443)}"


def write_running(data: Path, host: str, port: int) -> None:
    """Tell `linkup invite` where this server listens."""
    draft = data / f".{FILE}.{os.getpid()}"
    draft.write_text(json.dumps({"host": host, "port": port, "pid": os.getpid()}))
    draft.replace(data / FILE)


def forget_running(data: Path) -> None:
    """Undo `write_running`, unless another server wrote since."""
    if read_running(data).get("pid") == os.getpid():
        (data / FILE).unlink(missing_ok=True)


def read_running(data: Path) -> dict[str, object]:
    """`host`, `port` and `pid` of the server that runs on this folder; empty when none does."""
    try:
        found = json.loads((data / FILE).read_text())
        os.kill(int(found["pid"]), 0)
    except PermissionError:
        return dict(found)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(found)


def _port(port: object, default: int) -> str:
    return "" if port == default else f":{port}"
