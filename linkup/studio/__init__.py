"""The studio: applies what the show decides to media, program and record."""

from linkup.studio.face import StateStore, StudioFace, View
from linkup.studio.studio import Studio

__all__ = ["StateStore", "Studio", "StudioFace", "View"]
