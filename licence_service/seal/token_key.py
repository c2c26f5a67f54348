"""The name of a private key in a token: a PKCS #11 URI (RFC 7512) as it stands in a `seal.toml`."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

from licence_service.errors import Misconfigured

SCHEME = "pkcs11:"
_PRIVATE = b"private"  # the `type` of a private key (RFC 7512 §2.3)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key in a token, as a PKCS #11 URI names it: the token by label or serial number, the key by label or id, or both."""

    token: str | None = None
    serial: bytes | None = None
    object: str | None = None
    id: bytes | None = None

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read a URI (RFC 7512 §2.3); raise `Misconfigured` for what names no key, or says where the module or the PIN is."""
        if not uri.startswith(SCHEME) or "?" in uri:
            raise Misconfigured("a key in a token is pkcs11:token=…;object=…; module and PIN are settings, and stand in no address")
        given: dict[str, bytes] = {}
        for part in uri.removeprefix(SCHEME).split(";"):
            name, _, value = part.partition("=")
            if name not in {"token", "serial", "object", "id", "type"} or name in given or not value:
                raise Misconfigured("a key in a token is named by token, serial, object and id, each once, and nothing else")
            given[name] = unquote_to_bytes(value)
        if given.pop("type", _PRIVATE) != _PRIVATE or not {"token", "serial"} & given.keys() or not {"object", "id"} & given.keys():
            raise Misconfigured("a key in a token needs the token (token or serial) and the private key (object or id)")
        try:
            texts = {name: given[name].decode() for name in ("token", "object") if name in given}
        except UnicodeDecodeError:
            raise Misconfigured("the label of a token or of a key is not UTF-8") from None
        return cls(serial=given.get("serial"), id=given.get("id"), **texts)
