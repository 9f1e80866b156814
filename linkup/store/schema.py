"""Bring a database up to the tables of `models.py` (Alembic, from within the program).

The server and the command line may open a new database at the same moment, so only one of them
migrates while the others wait at a lock file.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

HEAD = "0001"  # the newest file in migrations/versions (a test compares)


async def upgrade(engine: AsyncEngine, path: Path) -> None:
    """Run the migrations that are missing."""
    with path.with_name(path.name + ".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        # Kept in the file. Not set at each connection: the change needs the file for itself.
        await asyncio.to_thread(_use_wal, path)
        async with engine.connect() as connection:
            await connection.execution_options(linkup_write=True)
            async with connection.begin():
                if await connection.run_sync(revision) != HEAD:
                    await connection.run_sync(_migrate)


def _use_wal(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def revision(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def _migrate(connection: Connection) -> None:
    # Imported only when there is something to do: it would cost every start 0.2 s.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
