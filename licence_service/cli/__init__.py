"""Commands for operators: `licence-service --help`."""

from licence_service.cli.commands import app

__all__ = ["app"]
