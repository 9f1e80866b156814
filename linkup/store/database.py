"""The store: an engine and the few questions that control asks it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, event, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from linkup.store import schema
from linkup.store.models import InvitationRow, KeptRow, OperatorRow, RevocationRow, SessionRow
from linkup.store.records import Invitation, Operator, Session

FILE = "linkup.db"
BUSY_MS = 5000  # how long a writer waits for another process's write


def database_file(data: Path) -> Path:
    """The database of a data folder."""
    return data / FILE


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


async def open_store(path: Path) -> Store:
    """Open the database file (made when missing) and bring its tables up to date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(path)
    try:
        await schema.upgrade(engine, path)
    except BaseException:
        await engine.dispose()
        raise
    return Store(engine)


class Store:
    """Everything that control keeps. All times are UTC milliseconds."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    # ------------------------------------------------------------ kept state

    async def save_state(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`; it is on disk (or in the WAL) when this returns."""
        row = {"value": value, "at": now_ms()}
        async with self._write() as connection:
            await connection.execute(
                insert(KeptRow)
                .values(key=key, **row)
                .on_conflict_do_update(index_elements=["key"], set_=row)
            )

    async def load_state(self, key: str) -> bytes | None:
        """What was kept last under `key`."""
        async with self._read() as connection:
            value: bytes | None = await connection.scalar(
                select(KeptRow.value).where(KeptRow.key == key)
            )
            return value

    # ------------------------------------------------------------ invitations

    async def add_invitation(self, invitation: Invitation) -> None:
        """Remember that a token was issued."""
        async with self._write() as connection:
            await connection.execute(
                insert(InvitationRow).values(
                    jti=invitation.jti,
                    role=invitation.role,
                    site=invitation.site,
                    consultation=invitation.consultation,
                    issued=invitation.issued,
                    expires=invitation.expires,
                    by=invitation.by,
                )
            )

    async def invitations(self) -> list[Invitation]:
        """All invitations that have not expired, oldest first."""
        query = (
            select(InvitationRow.__table__, RevocationRow.at.label("revoked_at"))
            .outerjoin(RevocationRow, RevocationRow.jti == InvitationRow.jti)
            .where(InvitationRow.expires > now_ms())
            .order_by(InvitationRow.issued)
        )
        async with self._read() as connection:
            return [_invitation(row) for row in (await connection.execute(query)).mappings()]

    async def invitation(self, jti: str) -> Invitation | None:
        """One invitation, also an expired one."""
        query = (
            select(InvitationRow.__table__, RevocationRow.at.label("revoked_at"))
            .outerjoin(RevocationRow, RevocationRow.jti == InvitationRow.jti)
            .where(InvitationRow.jti == jti)
        )
        async with self._read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _invitation(row) if row is not None else None

    async def revoke(self, jti: str, by: str) -> None:
        """From now on the token counts no more, and who signed in by it is signed out."""
        async with self._write() as connection:
            await connection.execute(
                insert(RevocationRow)
                .values(jti=jti, at=now_ms(), by=by)
                .on_conflict_do_nothing(index_elements=["jti"])
            )
            await connection.execute(delete(SessionRow).where(SessionRow.jti == jti))

    async def is_revoked(self, jti: str) -> bool:
        """Whether the token was revoked."""
        query = select(RevocationRow.jti).where(RevocationRow.jti == jti)
        async with self._read() as connection:
            return await connection.scalar(query) is not None

    # ------------------------------------------------------------ operators

    async def put_operator(self, operator: Operator) -> None:
        """Add an operator or change the password; a change signs the name out everywhere."""
        row = {"password": operator.password, "role": operator.role, "created": now_ms()}
        async with self._write() as connection:
            await connection.execute(
                insert(OperatorRow)
                .values(name=operator.name, **row)
                .on_conflict_do_update(index_elements=["name"], set_=row)
            )
            await connection.execute(
                delete(SessionRow).where(SessionRow.user == operator.name, SessionRow.jti.is_(None))
            )

    async def operator(self, name: str) -> Operator | None:
        """The operator of this name."""
        async with self._read() as connection:
            query = select(OperatorRow.name, OperatorRow.password, OperatorRow.role)
            row = (await connection.execute(query.where(OperatorRow.name == name))).first()
        return Operator(name=row[0], password=row[1], role=row[2]) if row is not None else None

    # ------------------------------------------------------------ sessions

    async def add_session(self, session: Session) -> None:
        """Remember that a browser is signed in; forgets those that have expired."""
        now = now_ms()
        async with self._write() as connection:
            await connection.execute(delete(SessionRow).where(SessionRow.expires <= now))
            await connection.execute(
                insert(SessionRow).values(
                    id=session.id,
                    user=session.user,
                    role=session.role,
                    jti=session.jti,
                    created=now,
                    expires=session.expires,
                )
            )

    async def session(self, identifier: str) -> Session | None:
        """The session, unless it has expired or was ended."""
        query = select(SessionRow.__table__).where(
            SessionRow.id == identifier, SessionRow.expires > now_ms()
        )
        async with self._read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _session(row) if row is not None else None

    async def prolong_session(self, identifier: str, expires: int) -> None:
        """Let a session last until `expires`."""
        async with self._write() as connection:
            await connection.execute(
                update(SessionRow).where(SessionRow.id == identifier).values(expires=expires)
            )

    async def end_session(self, identifier: str) -> None:
        """Sign a browser out."""
        async with self._write() as connection:
            await connection.execute(delete(SessionRow).where(SessionRow.id == identifier))

    # ------------------------------------------------------------ inside

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            await connection.execution_options(linkup_write=True)
            async with connection.begin():
                yield connection


def _engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4, max_overflow=4)

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # We say BEGIN ourselves (below): the driver would not do so before a SELECT or DDL.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that becomes a writer gets SQLITE_BUSY without any waiting, so writers say so.
        write = connection.get_execution_options().get("linkup_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _invitation(row: Any) -> Invitation:
    return Invitation(
        jti=row["jti"],
        role=row["role"],
        site=row["site"],
        consultation=row["consultation"],
        issued=row["issued"],
        expires=row["expires"],
        by=row["by"],
        revoked=row["revoked_at"] is not None,
    )


def _session(row: Any) -> Session:
    return Session(
        id=row["id"],
        user=row["user"],
        role=row["role"],
        jti=row["jti"],
        expires=row["expires"],
    )
