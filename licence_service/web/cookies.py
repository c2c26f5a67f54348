"""Cookies of whoever signs in: read by no script, sent by no other site's form, and over TLS only where the service has it."""

from datetime import timedelta

from fastapi.responses import Response

from licence_service.round_trip import RoundTrip


def keep(answer: Response, trip: RoundTrip, name: str, value: str, path: str, length: timedelta) -> None:
    """Have the browser keep a value for so long, and send it with requests below `path`."""
    answer.set_cookie(name, value, max_age=int(length.total_seconds()), path=path, secure=trip.secure, httponly=True, samesite="lax")
