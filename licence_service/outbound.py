"""The one HTTP client that leaves the house."""

from typing import Any

import httpx2

from licence_service.errors import Unavailable


class _Client(httpx2.Client):
    """A client whose troubles on the way are `Unavailable`, so that callers need not know the library."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:  # noqa: ANN401 - httpx2's own options
        """Send `request`; raise `Unavailable` where no complete answer came in time."""
        try:
            return super().send(request, **options)
        except (httpx2.HTTPError, httpx2.InvalidURL) as trouble:
            raise Unavailable("a service outside did not answer") from trouble


def client(timeout: float) -> httpx2.Client:
    """Return a client that gives up after `timeout` seconds without progress.

    It follows no redirects and reads no proxy from the environment: it goes where the settings say, nowhere else.
    """
    return _Client(timeout=timeout, follow_redirects=False, trust_env=False)
