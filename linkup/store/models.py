"""Tables. Times are UTC milliseconds. Every change here needs a migration in `migrations/`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class InvitationRow(Base):
    """A token that was signed here. The token itself is not kept: the list opens no door."""

    __tablename__ = "invitations"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(String(32))
    consultation: Mapped[str] = mapped_column(String(32))
    issued: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(64))


class RevocationRow(Base):
    """A token that counts no more; also of tokens that were signed elsewhere with our key."""

    __tablename__ = "revocations"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(64))


class OperatorRow(Base):
    """Somebody who signs in with a name and a password."""

    __tablename__ = "operators"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    password: Mapped[str] = mapped_column(String(256))  # argon2id, with salt and parameters
    role: Mapped[str] = mapped_column(String(16))
    created: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Base):
    """A browser that is signed in. Only the SHA-256 of its cookie is kept."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_expires", "expires"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    jti: Mapped[str | None] = mapped_column(String(64))  # signed in by this invitation
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)


class KeptRow(Base):
    """State that a part of control finds again after a restart."""

    __tablename__ = "kept"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(BigInteger)
