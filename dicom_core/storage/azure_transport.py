"""The HTTP connections of the Azure SDK."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from urllib.request import getproxies
from weakref import WeakSet

from aiohttp import AddrInfoType, ClientSession, DummyCookieJar, TCPConnector
from azure.core.pipeline.transport import AioHttpTransport

__all__ = ["AzureTransport"]

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_TURNS = 100  # of the event loop until a connection that was shut down is closed; it takes about three


class AzureTransport(AioHttpTransport):  # type: ignore[misc]  # azure.core hides its type behind a lazy import
    """Connections through aiohttp, none of which outlives `close`.

    aiohttp forgets a connection whose request was cancelled, or answered before all of its body was sent, and asyncio keeps
    it open until the rest is sent, however long that takes.
    """

    session: ClientSession | None

    def __init__(self) -> None:
        super().__init__(connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._closed = False

    async def open(self) -> None:
        """Begin to take requests; called again by each of them."""
        if self.session is None and not self._closed:
            self.session = ClientSession(
                connector=TCPConnector(socket_factory=self._socket),
                # Where settings of the environment count, aiohttp looks up proxies and .netrc on two threads for every
                # request: 0.5 of the 1.5 ms of a point read. They count only where a proxy is set.
                trust_env=bool(getproxies()),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()

    async def close(self) -> None:
        """Close all connections; what was not sent yet is lost."""
        self._closed = True
        await super().close()
        left = [each for each in self._sockets if each.fileno() >= 0]
        for each in left:
            with suppress(OSError):  # it was never connected
                each.shutdown(socket.SHUT_RDWR)
        for _ in range(_TURNS):
            if all(each.fileno() < 0 for each in left):
                return
            await asyncio.sleep(0)

    def _socket(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made
