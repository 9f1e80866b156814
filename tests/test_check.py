"""`linkup check` says before the event what would go wrong in it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

from linkup.check import Finding, check
from tests.e2e.conftest import SITES, free_port


def configuration(folder: Path, port: int, media_port: int, more: str = "") -> Path:
    file = folder / "sites.yaml"
    file.write_text(SITES.format(port=port, media_port=media_port, more=more), encoding="utf-8")
    return file


def of(findings: list[Finding], what: str) -> Finding:
    return next(each for each in findings if each.what == what)


def test_all_is_well_here(tmp_path: Path) -> None:
    sites = configuration(tmp_path, free_port(), free_port(socket.SOCK_DGRAM))
    findings = check(sites, tmp_path / "data")
    assert not [each for each in findings if each.verdict == "problem"], findings
    assert of(findings, "TLS").verdict == "warning"  # plain HTTP: cameras on localhost only


def test_ports_that_are_taken(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as web,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media,
    ):
        web.bind(("127.0.0.1", 0))
        web.listen()
        media.bind(("127.0.0.1", 0))
        sites = configuration(tmp_path, web.getsockname()[1], media.getsockname()[1])
        findings = check(sites, tmp_path / "data")
    assert of(findings, "web port").verdict == "problem"
    assert of(findings, "media port").verdict == "problem"
    assert of(findings, "media port").advice


def test_a_wrong_configuration_is_all_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "sites.yaml"
    file.write_text("halls: 3\nfoo: 1\n", encoding="utf-8")
    findings = check(file, None)
    assert [each.verdict for each in findings] == ["problem", "problem"]
    assert str(file) + ":1" in findings[0].text


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    text = "server: {tls: {mode: files, certificate: /none.pem, key: /none.key}}"
    file = tmp_path / "sites.yaml"
    file.write_text(text, encoding="utf-8")
    assert of(check(file, tmp_path), "TLS").verdict == "problem"


def test_the_command_has_an_exit_code_and_json(tmp_path: Path) -> None:
    file = tmp_path / "sites.yaml"
    file.write_text("foo: 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "linkup", "check", "--sites", str(file), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"] == 1
