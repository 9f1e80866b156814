"""The media process: the plane, and its line to control.

Control may die and come back: packets flow on, all peers stay, and `Hello` tells them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os

import structlog

from linkup import messages
from linkup.errors import ConfigError, LinkupError
from linkup.media.plane import Plane
from linkup.media.statistics import Statistics
from linkup.runtime import ControlLine, Place

log = structlog.get_logger()

NICE = -10
LEVELS_S = 0.1
STATS_EVERY = 10  # levels


async def main(place: Place, stop: asyncio.Event) -> None:
    """Run until `stop`. Raises `ConfigError` when the port cannot be had."""
    server = place.settings().server
    commands = Commands()
    line = ControlLine(place, commands.hello, commands.handle)
    try:
        plane = Plane(
            server.media_host,
            server.media_port,
            place.tap_socket,
            server.public_addresses,
            server.max_peers,
            line.send,
        )
    except OSError as error:
        where = f"{server.media_host} port {server.media_port} (UDP)"
        raise ConfigError([f"server.media_port: {where} cannot be used: {error}"]) from None
    commands.plane, commands.reply = plane, line.send
    log.info("media is served", port=plane.port.port)
    _settle_garbage_collector()
    _come_first()
    tasks = [asyncio.create_task(line.run()), asyncio.create_task(_tell_regularly(plane, line))]
    await stop.wait()
    for task in tasks[1:]:
        task.cancel()
    await plane.close()
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _come_first() -> None:
    """Packets must not wait for encoders and disks: ask for priority, where we may."""
    with contextlib.suppress(OSError):  # only root may; elsewhere all processes stay equal
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def _settle_garbage_collector() -> None:
    """Everything loaded so far lives for ever: never look at it again, and look rarely at all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _tell_regularly(plane: Plane, line: ControlLine) -> None:
    statistics = Statistics(plane)
    count = 0
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + LEVELS_S, loop.time())
        await asyncio.sleep(due - loop.time())
        count += 1
        try:
            line.send(messages.Levels(levels=plane.take_levels(), at=plane.now()))
            if count % STATS_EVERY == 0:
                line.send(statistics.take())
        except Exception:
            log.exception("levels or statistics failed")


class Commands:
    """Control's commands, each turned into one call of the plane."""

    plane: Plane

    def __init__(self) -> None:
        self.reply = _nobody

    def hello(self) -> messages.Hello:
        """The first message of each connection: control adopts these peers.

        What their feeds carry is queued right behind it: a new control cannot know.
        """
        self.plane.tell_feeds()
        peers = [peer.look() for peer in self.plane.peers.values()]
        return messages.Hello(process="media", pid=os.getpid(), peers=peers)

    async def handle(self, message: messages.AnyMessage) -> None:
        """Do one command."""
        plane = self.plane
        match message:
            case messages.OpenPeer():
                self.reply(self._open(message))
            case messages.ClosePeer():
                peer = plane.peers.get(message.peer)
                if peer is not None:
                    plane.peer_closed(peer, message.reason)
            case messages.MapSlots():
                plane.map_slots(message.peer, message.video_slots, message.audio)
            case messages.OpenMicrophones():
                plane.set_open_microphones(message.feeds)
            case messages.AskKeyframe():
                feed = plane.feeds.get(message.feed)
                if feed is not None and feed.video is not None:
                    feed.video.request_keyframe()
                    plane.ask(plane.now())
                    plane.wake_up_done()
            case _:
                log.warning("not a command for media", message=type(message).__name__)

    def _open(self, message: messages.OpenPeer) -> messages.AnyMessage:
        try:
            return self.plane.open_peer(message)
        except LinkupError as error:
            log.info("offer refused", peer=message.peer, code=error.code, text=error.message)
            return messages.Failed(request=message.request, code=error.code, text=error.message)
        except Exception:
            log.exception("offer met a defect", peer=message.peer)
            return messages.Failed(
                request=message.request, code="sdp", text="the offer could not be understood"
            )


def _nobody(message: messages.AnyMessage) -> None:
    raise RuntimeError("the line to control is not there yet")
