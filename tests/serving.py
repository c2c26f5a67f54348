"""A service behind a real server, and a server that says nothing."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import uvicorn

from licence_service.web.scanning import ScanProtocol


def free_port() -> int:
    """Return a port for a server that must know its own before it begins.

    Ports that are merely found free, by asking for number 0, are those that the system also gives as the near ends of connections: before the
    server has begun, one of another test may have it. These are below them, and are not drawn by `random`, which begins alike in all workers.
    """
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def serving(app: Any, port: int = 0, **options: Any) -> Iterator[int]:
    """Serve an application as `licence-service serve` does, without its works in the background, and yield the port: a free one where none is said."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off", http=ScanProtocol, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=20)


class Silent:
    """A server that takes connections and says nothing; who connected is counted."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._server.setblocking(False)
        self._taken: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    @property
    def asked(self) -> int:
        """Return how many have connected."""
        with suppress(BlockingIOError):
            while True:
                self._taken.append(self._server.accept()[0])
        return len(self._taken)

    def hang_up(self) -> None:
        """Break off all connections."""
        for one in self._taken[: self.asked]:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._server.close()
