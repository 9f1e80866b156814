"""Invitations: keys, tokens, links; the commands with and without a server."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey
from typer.testing import CliRunner

import linkup.store as stores
from linkup import invite
from linkup.config import Settings, parse
from linkup.errors import ConfigError, DeniedError, LinkupError, MissingError, UserError
from linkup.invite import addresses, tokens
from linkup.server import commands
from tests.server.conftest import SITES

KEY = OKPKey.generate_key("Ed25519")
NOW = 1_000_000


@pytest.fixture
def settings() -> Settings:
    return parse(SITES)


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: tokens.signing_key(tmp_path), range(8)))
    assert len({key.as_pem(private=True) for key in keys}) == 1
    file = tmp_path / "keys" / "tokens.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in file.parent.iterdir()) == ["tokens.pem", "tokens.pub.pem"]
    public = OKPKey.import_key((file.parent / "tokens.pub.pem").read_bytes())
    token = tokens.sign(keys[0], tokens.new_claims("partner", "river", 1))
    assert jwt.decode(token, public, algorithms=["Ed25519"]).claims["role"] == "partner"
    file.write_text("broken")
    with pytest.raises(ConfigError):
        tokens.signing_key(tmp_path)


def test_invitations_by_role(tmp_path: Path, settings: Settings) -> None:
    made = invite.make(tmp_path, settings, "site", "school", hours=2)
    assert made.url == f"http://localhost:0/join/{made.token}"
    claims = invite.check(tmp_path, settings, made.token)
    assert (claims.role, claims.site, claims.consultation) == ("site", "school", "river")
    assert claims.jti == made.jti and claims.expires * 1000 == made.expires
    assert "/sign-in?token=" in invite.make(tmp_path, settings, "operator").url
    assert invite.make(tmp_path, settings, "partner").url.endswith("/whep/program")
    for role, site, hours, kind in (
        ("site", None, None, MissingError), ("site", "nowhere", None, MissingError),
        ("operator", "school", None, UserError), ("king", None, None, UserError),
        ("operator", None, 0, UserError), ("operator", None, -1, UserError),
        ("operator", None, 1e9, UserError),
    ):  # fmt: skip
        with pytest.raises(kind):
            invite.make(tmp_path, settings, role, site, hours)


def claims(**changes: object) -> dict[str, object]:
    good = {
        "iss": "linkup", "jti": "j", "role": "site", "site": "school", "consultation": "river",
        "iat": NOW - 5, "exp": NOW + 5,
    }  # fmt: skip
    return {k: v for k, v in (good | changes).items() if v is not None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"exp": NOW}, "token-expired"),
        ({"exp": None}, "token-wrong"),
        ({"exp": "never"}, "token-wrong"),
        ({"iat": NOW + 3600, "exp": NOW + 7200}, "token-wrong"),
        ({"iss": "other"}, "token-wrong"),
        ({"role": "king"}, "token-wrong"),
        ({"role": "operator"}, "token-wrong"),
        ({"site": None}, "token-wrong"),
        ({"site": 5}, "token-wrong"),
        ({"jti": None}, "token-wrong"),
        ({"consultation": 7}, "token-wrong"),
    ],
)
def test_what_a_token_must_say(changes: dict[str, object], code: str | None) -> None:
    token = jwt.encode({"alg": "Ed25519"}, claims(**changes), KEY, algorithms=["Ed25519"])
    if code is None:
        assert tokens.verify(KEY, token, NOW).site == "school"
        return
    with pytest.raises(DeniedError) as refused:
        tokens.verify(KEY, token, NOW)
    assert refused.value.code == code


def test_other_keys_and_algorithms_do_not_count() -> None:
    other = OKPKey.generate_key("Ed25519")
    stranger = jwt.encode({"alg": "Ed25519"}, claims(), other, algorithms=["Ed25519"])
    # The old trick: our public key as the secret of an HMAC.
    secret = OctKey.import_key(KEY.as_pem(private=False).replace(b"-", b"_"))
    symmetric = jwt.encode({"alg": "HS256"}, claims(), secret)
    none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJsaW5rdXAifQ."
    for token in (stranger, symmetric, none, "", "a.b.c", "x" * 5000, "é.é.é"):
        with pytest.raises(DeniedError):
            tokens.verify(KEY, token, NOW)


@given(st.text(max_size=60), st.integers(0, 400))
def test_any_change_of_a_token_is_noticed(noise: str, place: int) -> None:
    token = jwt.encode({"alg": "Ed25519"}, claims(), KEY, algorithms=["Ed25519"])
    place %= len(token)
    changed = token[:place] + noise + token[place + 1 :]
    try:
        found = tokens.verify(KEY, changed, NOW)
    except DeniedError:
        return
    assert found == tokens.verify(KEY, token, NOW)  # base64 has spare bits at its end


def test_links_of_another_consultation_or_a_site_that_is_gone(
    tmp_path: Path, settings: Settings
) -> None:
    token = invite.make(tmp_path, settings, "site", "tax").token
    for text, code in (
        (SITES.replace("id: river", "id: sea"), "token-other-consultation"),
        (SITES.replace("id: tax", "id: taxes"), "token-site-gone"),
    ):
        with pytest.raises(DeniedError) as refused:
            invite.check(tmp_path, parse(text), token)
        assert refused.value.code == code


def test_what_was_pasted_is_understood(tmp_path: Path, settings: Settings) -> None:
    made = invite.make(tmp_path, settings, "operator")
    for text in (made.jti, made.token, made.url, f"  {made.url}\n"):
        assert invite.identifier(text) == made.jti
    for text in ("", "a b", "x.y.z", "../x y"):
        with pytest.raises(LinkupError):
            invite.identifier(text)


def test_links_begin_with_what_others_can_reach(tmp_path: Path) -> None:
    def base(text: str) -> str:
        return addresses.url_base(tmp_path, parse(text))

    assert base("server: {port: 8080}") == "http://localhost:8080"
    assert base("server: {port: 80}") == "http://localhost"
    assert base("server: {public_url: 'https://hall.example/'}") == "https://hall.example"
    own = base("server: {port: 8443, tls: {mode: self-signed}}")
    assert own.startswith("https://") and own.endswith(":8443") and "0.0.0.0" not in own
    assert base("server: {host: '::1', port: 443, tls: {mode: self-signed}}") == "https://[::1]"
    addresses.write_running(tmp_path, "127.0.0.1", 5555)
    assert base("server: {port: 0}") == "http://localhost:5555"
    addresses.forget_running(tmp_path)
    (tmp_path / "server.json").write_text('{"host": "x", "port": 1, "pid": 999999999}')
    assert base("server: {port: 8080}") == "http://localhost:8080"  # a server that was killed


def test_the_commands(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(commands.invite)
    app.command()(commands.revoke)
    app.command()(commands.operator)
    sites = tmp_path / "sites.yaml"
    sites.write_text(SITES, encoding="utf-8")
    where = ["--sites", str(sites), "--data", str(tmp_path / "data")]
    run = CliRunner().invoke
    made = json.loads(run(app, ["invite", "school", "--json", *where]).stdout)
    assert made["url"].endswith(made["token"]) and made["site"] == "school"
    shown = run(app, ["invite", "--role", "operator", "--hours", "1", *where])
    assert shown.exit_code == 0 and "/sign-in?token=" in shown.stdout and "▀" in shown.stdout
    assert run(app, ["invite", *where]).exit_code == 2
    assert run(app, ["invite", "school", "--role", "operator", *where]).exit_code == 2
    assert run(app, ["revoke", made["url"], *where]).stdout == f"revoked: {made['jti']}\n"
    assert run(app, ["operator", "anna", *where], input="long enough\n").exit_code == 0
    assert run(app, ["operator", "anna", *where], input="short\n").exit_code == 1

    async def look() -> None:
        store = await stores.open(stores.database_file(tmp_path / "data"))
        listed = await store.invitations()
        assert [(each.role, each.revoked) for each in listed] == [
            ("site", True), ("operator", False),
        ]  # fmt: skip
        assert await store.operator("anna") is not None
        await store.close()

    import asyncio

    asyncio.run(look())
