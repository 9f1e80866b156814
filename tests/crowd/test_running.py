"""Configurations that are made for a demo: fitted to the number of branches, and valid."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from linkup.config import load
from linkup.crowd.running import fit
from linkup.errors import ConfigError

OWN = """
consultation: {id: mine}
halls: [{id: hall, name: 大厅}]
branches: [{id: a}, {id: school}, {id: c}]
server: {host: 127.0.0.1, port: 0, media_port: 0}
"""


@pytest.mark.parametrize(
    ("branches", "ids"),
    [(1, ["a"]), (3, ["a", "school", "c"]), (4, ["a", "school", "c", "tax-office"])],
)
def test_own_sites_come_first(tmp_path: Path, branches: int, ids: list[str]) -> None:
    source = tmp_path / "sites.yaml"
    source.write_text(OWN)
    file, settings = fit(source, tmp_path / "made", branches=branches, halls=1)
    assert [site.id for site in settings.branches] == ids
    assert settings.consultation.id == "mine" and load(file) == settings
    assert settings.server.port and settings.server.media_port


def test_as_many_as_wanted(tmp_path: Path) -> None:
    _, settings = fit(None, tmp_path, branches=40, halls=2, loopback=True)
    assert len({site.id for site in settings.sites}) == 42


def test_taken_ports_are_passed_by(tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for each in (tcp, udp):
            each.bind(("127.0.0.1", 0))
        tcp.listen()
        wanted = {"port": tcp.getsockname()[1], "media_port": udp.getsockname()[1]}
        _, settings = fit(None, tmp_path, branches=1, loopback=True, changes={"server": wanted})
    assert settings.server.port not in (0, wanted["port"])
    assert settings.server.media_port not in (0, wanted["media_port"])


def test_a_wrong_file_is_told_in_its_own_lines(tmp_path: Path) -> None:
    source = tmp_path / "sites.yaml"
    source.write_text("server:\n  prot: 1\n")
    with pytest.raises(ConfigError, match=r"sites\.yaml:2: server\.prot"):
        fit(source, tmp_path / "made", branches=1)
