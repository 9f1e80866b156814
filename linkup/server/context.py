"""What the handlers of one server share."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from linkup.config import Settings
from linkup.runtime import Place
from linkup.server.assets import Assets
from linkup.server.auth import Doorkeeper
from linkup.server.metrics import Metrics
from linkup.server.peers import Peers
from linkup.server.viewers import Viewers
from linkup.store import Store
from linkup.studio.face import StudioFace


@dataclass(frozen=True)
class Context:
    """Everything that a handler needs."""

    place: Place
    settings: Settings
    studio: StudioFace
    store: Store
    doorkeeper: Doorkeeper
    assets: Assets
    viewers: Viewers
    peers: Peers
    metrics: Metrics


CONTEXT = web.AppKey("context", Context)


def context(request: web.Request) -> Context:
    """The context of the server that got this request."""
    return request.config_dict[CONTEXT]
