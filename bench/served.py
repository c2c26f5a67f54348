"""The application as it is delivered, on the folder of a bench."""

import os
from pathlib import Path

from fastapi import FastAPI

from bench.issue import settings_in
from licence_service.app import create_app, log_only_trouble
from licence_service.service import build


def ours() -> FastAPI:
    """Build it for uvicorn."""
    log_only_trouble()
    return create_app(build(settings_in(Path(os.environ["BENCH_FOLDER"])).model_copy(update={"worker_seconds": 0.0, "head_seconds": 0.0})))
