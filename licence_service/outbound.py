"""The one HTTP client that leaves the house: for services that the operator names, and for receivers that clients name."""

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any

import httpcore2
import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from licence_service.errors import AccessRefused, Fault, RequestRejected, Unavailable
from licence_service.targets import Network, Target, allowed, may_reach, read_target

Resolve = Callable[[str, int], Sequence[str]]


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


class CodeClient(OAuth2Client):  # type: ignore[misc]  # the library ships no types
    """A client of an OpenID provider that the operator names: makes addresses to sign in at, and changes codes for tokens, with PKCE."""

    def __init__(self, client_id: str, secret: str, back: str, timeout: float) -> None:
        """Take how the provider knows us, our secret or an empty one, where people come back to, and the seconds without progress."""
        super().__init__(
            client_id, secret or None, scope="openid profile", redirect_uri=back, code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            timeout=timeout, follow_redirects=False, trust_env=False,
        )  # fmt: skip

    def tokens(self, endpoint: str, code: str, verifier: str) -> dict[str, Any]:
        """Change a code for tokens; `AccessRefused` where the provider says no, `Unavailable` where it does not answer."""
        try:
            return dict(self.fetch_token(endpoint, grant_type="authorization_code", code=code, code_verifier=verifier))
        except OAuthError as refused:
            raise AccessRefused("the OpenID provider does not know this sign-in") from refused
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as trouble:
            raise Unavailable("the OpenID provider did not answer") from trouble


# -- receivers that somebody else names ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a message: the status that came back, or none; in a word why that is not good; what it said, where that was asked for."""

    status: int | None
    reason: str = ""
    content: bytes = field(default=b"", repr=False)

    @property
    def arrived(self) -> bool:
        """Say whether the receiver took it: an answer of the kind 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


class _Refused(Exception):  # noqa: N818
    """The name leads to where nothing may be sent."""


def resolved(host: str, port: int) -> Sequence[str]:
    """Return every network address of a name; a name that is none has none."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


@cache
def authorities() -> ssl.SSLContext:
    """Return whom TLS trusts, the authorities of this machine: read once a process, since all of them are parsed each time."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Poster:
    """Sends messages to receivers whose addresses come from outside.

    `networks` are those that are allowed beside the public ones. The name is asked for once, every network address of it must be good, and
    the connection goes to one that was judged: an answer of the name service that changes in between leads nowhere. Redirects are answers
    like any other that is not good; of an answer only the status is read unless more is wanted, and all together takes `seconds` at most, but for
    the name service.
    """

    networks: tuple[Network, ...] = ()
    seconds: float = 10.0
    resolve: Resolve = field(default=resolved, repr=False)
    tls: ssl.SSLContext = field(default_factory=authorities, repr=False)

    def check(self, url: str) -> Target:
        """Return an address that messages may be sent to now; `RequestRejected` says what is wrong with it."""
        target = read_target(url)
        if not self._good(target):
            # One answer, whether there is no such name or it leads inside: nobody looks into the operator's names through it.
            message = "the name must lead to public addresses only, by https"
            raise RequestRejected(faults=[Fault("url", "not-allowed", message)])
        return target

    def post(self, url: str, headers: dict[str, str], body: bytes, most: int = 0) -> Answered:
        """Send one message and return what became of it; no trouble on the way is raised.

        `most`: so many bytes of a good answer are wanted; a longer one is `too-long`.
        """
        try:
            target = read_target(url)
            return self._sent(target, {"Host": target.authority, **headers}, body, most)
        except (_Refused, RequestRejected):
            return Answered(None, "address-not-allowed")
        except httpcore2.TimeoutException:
            return Answered(None, "no-answer-in-time")
        except httpcore2.ConnectError as trouble:
            return Answered(None, "tls-failed" if isinstance(trouble.__context__, ssl.SSLError) else "no-connection")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
            return Answered(None, "broken-off")

    def _sent(self, target: Target, headers: dict[str, str], body: bytes, most: int) -> Answered:
        address = httpcore2.URL(scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode())
        way = _Way(self, target, monotonic() + self.seconds)
        with (
            httpcore2.ConnectionPool(ssl_context=self.tls, network_backend=way, max_connections=1) as pool,
            pool.stream("POST", address, headers=[(name.encode(), value.encode()) for name, value in headers.items()], content=body) as answer,
        ):
            if not 200 <= answer.status < 300:  # noqa: PLR2004
                return Answered(answer.status, f"status-{answer.status}")
            content = bytearray()
            for part in answer.iter_stream() if most else ():
                content += part
                if len(content) > most:
                    return Answered(None, "too-long")
            return Answered(answer.status, "", bytes(content))

    def _good(self, target: Target) -> Sequence[str]:
        """Return the network addresses of a target if all of them are good, else none; without TLS only those that the setting allows."""
        found = self.resolve(target.host, target.port)
        good = [one for one in found if (may_reach if target.scheme == "https" else allowed)(one, self.networks)]
        return good if len(good) == len(found) else []


class _Way(httpcore2.NetworkBackend):
    """Connects to judged network addresses only, and lets nothing go on beyond the deadline."""

    def __init__(self, poster: Poster, target: Target, deadline: float) -> None:
        self._poster, self._target, self._deadline = poster, target, deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers; `_Refused` where one of them is not good."""
        if (host, port) != (self._target.host, self._target.port):
            raise _Refused
        addresses = self._poster._good(self._target)  # noqa: SLF001 - its other half
        if not addresses:
            raise _Refused
        for one in addresses[:-1]:
            try:
                return _Timed(self._sockets.connect_tcp(one, port, left(self._deadline) / 2, local_address, socket_options), self._deadline)
            except (httpcore2.NetworkError, httpcore2.TimeoutException):
                continue
        return _Timed(self._sockets.connect_tcp(addresses[-1], port, left(self._deadline), local_address, socket_options), self._deadline)


class _Timed(httpcore2.NetworkStream):
    """A connection on which every single step gets what is left of the whole time: who sends a byte a second does not last longer."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: float) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what came."""
        return self._inner.read(max_bytes, left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all of it."""
        self._inner.write(buffer, left(self._deadline))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Go on encrypted, under the receiver's name."""
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the library has it
        """Return what the connection says of itself."""
        return self._inner.get_extra_info(info)


def left(deadline: float) -> float:
    """Return the seconds up to a deadline; raise what a silent receiver raises once it is over."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise httpcore2.ReadTimeout
    return seconds
