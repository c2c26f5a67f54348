"""A service behind a real server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from licence_service.web.scanning import ScanProtocol


@contextmanager
def serving(app: Any, port: int = 0, **options: Any) -> Iterator[int]:
    """Serve an application as `licence-service serve` does, without its works in the background, and yield the port: a free one where none is said."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off", http=ScanProtocol, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=20)
