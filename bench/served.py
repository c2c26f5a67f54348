"""The application as it is delivered, on the folder of a bench."""

import os
from pathlib import Path

from starlette.types import ASGIApp

from bench.issue import settings_in
from licence_service.app import log_only_trouble, served
from licence_service.service import build


def ours() -> ASGIApp:
    """Build it for uvicorn."""
    return _served(worker_seconds=0.0, head_seconds=0.0)


def delivered() -> ASGIApp:
    """Build it with all that works beside it, behind a proxy that tells addresses."""
    return _served(trusted_proxy=True)


def _served(**changed: object) -> ASGIApp:
    log_only_trouble()
    return served(build(settings_in(Path(os.environ["BENCH_FOLDER"])).model_copy(update=changed)))
