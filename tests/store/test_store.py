"""The store: kept state, invitations, operators, sessions; several processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import linkup.store as stores
from linkup.store import Invitation, Operator, Session, Store, schema
from linkup.store.database import now_ms
from linkup.store.models import Base


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await stores.open(tmp_path / "linkup.db")
    yield opened
    await opened.close()


def invitation(jti: str = "a1", expires_in_ms: int = 3_600_000) -> Invitation:
    now = now_ms()
    return Invitation(
        jti=jti,
        role="site",
        site="school",
        consultation="river",
        issued=now,
        expires=now + expires_in_ms,
        by="test",
    )


async def test_state_is_kept_replaced_and_found_by_the_next_process(tmp_path: Path) -> None:
    first = await stores.open(tmp_path / "linkup.db")
    assert await first.load_state("show") is None
    await first.save_state("show", b"one")
    await first.save_state("show", b"two\x00\xff")
    await first.close()
    second = await stores.open(tmp_path / "linkup.db")
    assert await second.load_state("show") == b"two\x00\xff"
    assert await second.load_state("other") is None
    await second.close()


async def test_a_new_database_opened_by_many_at_once(tmp_path: Path) -> None:
    opened = await asyncio.gather(*(stores.open(tmp_path / "linkup.db") for _ in range(5)))
    await asyncio.gather(*(s.save_state(f"k{i}", b"v") for i, s in enumerate(opened)))
    for i in range(5):
        assert await opened[0].load_state(f"k{i}") == b"v"
    await asyncio.gather(*(s.close() for s in opened))


async def test_writers_of_two_connections_wait_for_each_other(tmp_path: Path) -> None:
    one = await stores.open(tmp_path / "linkup.db")
    two = await stores.open(tmp_path / "linkup.db")
    await asyncio.gather(
        *(s.save_state(f"{n}-{i}", b"x") for n, s in enumerate((one, two)) for i in range(40))
    )
    assert await one.load_state("1-39") == b"x"
    await one.close()
    await two.close()


async def test_invitations_are_listed_and_revoked(store: Store) -> None:
    await store.add_invitation(invitation("a1"))
    await store.add_invitation(invitation("old", expires_in_ms=-1))
    assert [each.jti for each in await store.invitations()] == ["a1"]
    assert not await store.is_revoked("a1")
    await store.revoke("a1", "anna")
    await store.revoke("a1", "anna")
    assert await store.is_revoked("a1")
    assert [each.revoked for each in await store.invitations()] == [True]
    found = await store.invitation("old")
    assert found is not None and found.site == "school" and not found.revoked
    assert await store.invitation("none") is None


async def test_revoking_signs_out_who_came_by_it(store: Store) -> None:
    later = now_ms() + 60_000
    await store.add_session(Session("s1", "link", "operator", "j1", later))
    await store.add_session(Session("s2", "anna", "operator", None, later))
    await store.revoke("j1", "anna")
    assert await store.session("s1") is None
    assert await store.session("s2") is not None


async def test_sessions_expire_slide_and_end(store: Store) -> None:
    now = now_ms()
    await store.add_session(Session("gone", "anna", "operator", None, now - 1))
    assert await store.session("gone") is None
    await store.add_session(Session("s", "anna", "operator", None, now + 1000))
    await store.prolong_session("s", now + 9000)
    found = await store.session("s")
    assert found is not None and found.expires == now + 9000
    await store.end_session("s")
    assert await store.session("s") is None


async def test_a_new_password_signs_out_everywhere(store: Store) -> None:
    await store.put_operator(Operator("anna", "hash1", "operator"))
    await store.add_session(Session("s", "anna", "operator", None, now_ms() + 1000))
    await store.put_operator(Operator("anna", "hash2", "operator"))
    assert await store.operator("anna") == Operator("anna", "hash2", "operator")
    assert await store.operator("bert") is None
    assert await store.session("s") is None


async def test_migrations_lead_to_the_models(store: Store) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with store._engine.connect() as connection:
        assert await connection.run_sync(difference) == []
        assert await connection.run_sync(schema.revision) == schema.HEAD
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert scripts.get_current_head() == schema.HEAD
