"""Commands for operators: `licence-service --help`."""

import gc

# What is loaded stays: looking through it for what may go, again and again while it grows, is a sixth of a command's start.
gc.disable()
from licence_service.cli.commands import app  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["app"]
