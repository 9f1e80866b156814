"""Invitations: the signed links by which sites, operators, reviewers and partners come in.

invitation = invite.make(data, settings, "site", site="school", hours=48)
invitation.url      # https://…/join/eyJ…
"""

from linkup.invite.invitations import (
    Invitation,
    add_operator,
    check,
    examine,
    identifier,
    make,
    remember,
    revoke,
)

__all__ = [
    "Invitation",
    "add_operator",
    "check",
    "examine",
    "identifier",
    "make",
    "remember",
    "revoke",
]
