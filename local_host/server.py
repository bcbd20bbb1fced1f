"""Serves an app on a listening socket until a signal asks to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local_host.functions import load_app
from local_host.http_trigger import HttpApp
from local_host.routing import Router
from local_host.timers import running_timers

__all__ = ["Server", "run", "serve"]

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75  # longer than the pools of common clients keep an idle connection
_BACKLOG = 2048
_MAX_HEAD_BYTES = 64 * 1024  # the real host takes 8 KB of request line and 32 KB of headers


class _Protocol(HttpToolsProtocol):
    """Refuses what Kestrel refuses and the parser alone would not: a head without end, no ``Host`` or several.

    An offer to speak another protocol (Java's client offers h2c with every first request) is declined, as RFC 9110 7.8 allows. The
    parser would take such a request to have no body, and so gets its head once more, without the offer.
    """

    _head_bytes = 0
    _reading_head = False
    _declining = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._reading_head = False
        self._declining = self._get_upgrade() is not None
        if self._declining:
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise ValueError("a request names one host")  # to the parser, which gives up
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._declining:
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as pause:
            if self._declining:
                self.data_received(self._head_without_offer() + data[pause.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self._reading_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._reading_head = False
                self.send_400_response("Request header too large.")

    def _head_without_offer(self) -> bytes:
        first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = (b"%s: %s" % header for header in self.headers if header[0] != b"upgrade")
        return b"\r\n".join([first, *kept, b"", b""])


class Server(uvicorn.Server):
    """Says when it is ready, and has let go of every client when it has stopped."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.server_state.tasks:  # cancelled just now: what they clean up needs the app
            await asyncio.wait(self.server_state.tasks, timeout=self.config.timeout_graceful_shutdown)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # it waits for a client that does not read
        await asyncio.sleep(0)


async def serve(listener: socket.socket, *, with_timers: bool, on_ready: Callable[[], None]) -> None:
    """Host ``function_app.app`` of the working directory on a socket, until SIGINT or SIGTERM.

    Requests and timer invocations under way get ten seconds to finish, then the app's own ``close`` runs.

    Raises:
        AppError: the app cannot be hosted.
    """
    app = load_app("function_app", Path("host.json"))
    gc.collect()
    gc.freeze()  # modules and tables live as long as the process: later collections need not visit them
    config = uvicorn.Config(
        HttpApp(Router(app.routes)),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # uvicorn raises the signal again when it has stopped; by then there is nothing left to interrupt
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        async with running_timers(app.timers if with_timers else (), grace=_GRACE_SECONDS):
            await Server(config, on_ready).serve([listener])
    finally:
        if app.close is not None:
            await app.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on the fastest event loop there is."""
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop

        uvloop.run(main)
