"""The addresses that an answer's candidates name: how clients may reach the port."""

from __future__ import annotations

import ipaddress
import socket

import ifaddr


def local_addresses(host: str, family: int, public: tuple[str, ...]) -> list[str]:
    """Configured public addresses first, then those of the machine, loopback last.

    `host` is what the port is bound to; anything but a wildcard leaves that one alone.
    Link-local IPv6 addresses are left out: they mean nothing without an interface.
    """
    if host not in ("", "::", "0.0.0.0"):
        return list(dict.fromkeys([*public, host]))
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            text = each.ip if isinstance(each.ip, str) else each.ip[0]
            address = ipaddress.ip_address(text)
            if address.version == 6 and (family == socket.AF_INET or address.is_link_local):
                continue
            found.append(address)
    found.sort(key=lambda each: (each.is_loopback, each.version))
    return list(dict.fromkeys([*public, *(str(each) for each in found)]))
