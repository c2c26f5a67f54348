"""`python -m licence_service` is the command line."""

from licence_service.cli import app

app()
