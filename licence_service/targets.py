"""Where messages may be sent that somebody else asked for: addresses (URL) and network addresses, judged without any network.

A receiver is named by a client, so that a name could lead back into the house. Only public network addresses are good, and those that the
operator's setting allows; an IPv6 address that carries an IPv4 address is judged by what it carries.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from licence_service.errors import Fault, Misconfigured, RequestRejected

Network = IPv4Network | IPv6Network
LONGEST_URL = 500
_SHAPE = re.compile(r"[!-~]+")  # printable ASCII; names in other scripts come as Punycode
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+\Z|0x[0-9a-f]*\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
_PORTS = range(1, 65_536)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SPECIAL = (  # of special use, which not every Python knows: RFC 6890, 7526, 9637, 9602, 7535, 7450, 7534
    IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"), IPv6Network("5f00::/16"),
    IPv4Network("192.31.196.0/24"), IPv4Network("192.52.193.0/24"), IPv4Network("192.175.48.0/24"), IPv6Network("2620:4f:8000::/48"),
)  # fmt: skip
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 §2.5.5.1
_LOW_BITS = 0xFFFF_FFFF
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214 §6.1, in front of the IPv4 address


@dataclass(frozen=True, slots=True)
class Target:
    """An address that is of the right shape: scheme, host (without brackets), port, and the path with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return host and port as the Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_networks(text: str, setting: str = "LICENCE_WEBHOOK_NETWORKS") -> tuple[Network, ...]:
    """Read networks written as CIDR, separated by commas or spaces; `Misconfigured`, naming the setting, for anything else."""
    try:
        return tuple(ip_network(one) for one in text.replace(",", " ").split())
    except ValueError as error:
        raise Misconfigured(f"{setting}: networks such as 10.20.0.0/16, separated by commas, are wanted") from error


def read_target(url: str, path: str = "url") -> Target:
    """Read an address; `RequestRejected` naming what is wrong with it at `path`, without the address itself."""
    try:
        parts = urlsplit(url) if len(url) <= LONGEST_URL and _SHAPE.fullmatch(url) and "\\" not in url else None
        host, port = (parts.hostname or "", parts.port) if parts else ("", None)
    except ValueError:
        parts, host, port = None, "", None
    if parts is None or not _is_host(host) or not _is_as_written(parts.netloc, host):
        raise _refused(path, "not-an-address", f"a web address of at most {LONGEST_URL} characters is wanted here")
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refused(path, "wrong-scheme", "the address begins with https://")
    if "@" in parts.netloc:
        raise _refused(path, "credentials", "no user or password stands in the address")
    if "#" in url:
        raise _refused(path, "fragment", "no fragment stands in the address")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in _PORTS:
        raise _refused(path, "not-an-address", "the port is none")
    return Target(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _is_as_written(netloc: str, host: str) -> bool:
    """Say whether brackets stand around an IPv6 address alone, with nothing but a port behind: Python reads other things out of them."""
    written = netloc.rpartition("@")[2].lower()
    return written.startswith(f"[{host}]") and written.removeprefix(f"[{host}]")[:1] in ("", ":") if ":" in host else "[" not in written


def _is_host(host: str) -> bool:
    """Say whether it is a name or a network address in its usual form; numbers in disguise (127.1, 0x7f000001) are neither."""
    if "%" in host:
        return False
    try:
        ip_address(host)
    except ValueError:
        return _NAME.fullmatch(host) is not None
    return True


def _refused(path: str, code: str, message: str) -> RequestRejected:
    return RequestRejected(faults=[Fault(path, code, message)])


def allowed(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether the operator's setting names a network address, or the IPv4 address in it."""
    one = _read(address)
    return one is not None and any(each.version == network.version and each in network for each in (one, *_within(one)) for network in networks)


def may_reach(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether a network address is public, or allowed by setting."""
    one = _read(address)
    if one is None:
        return False
    carried = list(_within(one))
    return allowed(address, networks) or (all(map(_public, carried)) if carried else _public(one))


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return None if "%" in address else ip_address(address)  # with a zone it is of this machine's own networks
    except ValueError:
        return None


def _public(one: IPv4Address | IPv6Address) -> bool:
    if any(one.version == network.version and one in network for network in _SPECIAL):
        return False
    inside = one.is_private or one.is_loopback or one.is_link_local or one.is_multicast or one.is_reserved or one.is_unspecified
    return one.is_global and not inside and not (isinstance(one, IPv6Address) and one.is_site_local)


def _within(one: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address carries: mapped, compatible, 6to4, Teredo, NAT64, ISATAP."""
    if isinstance(one, IPv4Address):
        return
    low = IPv4Address(int(one) & _LOW_BITS)
    if one.ipv4_mapped:
        yield one.ipv4_mapped
    if one.sixtofour:
        yield one.sixtofour
    if one.teredo:
        yield from one.teredo
    if one in _COMPATIBLE or any(one in network for network in _NAT64) or int(one) >> 32 & _LOW_BITS in _ISATAP:
        yield low
