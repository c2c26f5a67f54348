"""Seals whose key lies in a token: a hardware module, or a file that stands in for one, behind PKCS #11 (OASIS, v2.40 and later).

`key = "pkcs11:token=…;object=…"` of a `seal.toml` names the private key after RFC 7512; how the token is reached and its PIN are this
machine's business and come from the settings. Each lane has a session of its own (PKCS #11 §5.6: a session does one thing at a time).
What a token returns is not believed: each signature is checked with the certificate's key before anybody sees it. So a token with
another key seals nothing, and a fault in the making of a signature, which may give an RSA key away, stays here.
"""

import ctypes
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from licence_service.errors import Misconfigured, SealUnavailable
from licence_service.seal.ecdsa import der_of_raw
from licence_service.seal.keyfile import PublicKey
from licence_service.seal.lanes import PATIENCE_SECONDS, Lane, Lanes, Passing
from licence_service.seal.token_key import SCHEME, TokenKey

if TYPE_CHECKING:
    import pkcs11

__all__ = ["SCHEME", "Lanes", "TokenAccess", "TokenKey", "lanes_of"]

DEFAULT_LANES = 4
_OF_DIGEST = Prehashed(hashes.SHA256())
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # what stands before a SHA-256 in EMSA-PKCS1-v1_5 (RFC 8017 §9.2 note 1)
_OS_LOCKING = 0x2  # CKF_OS_LOCKING_OK, PKCS #11 §3.7


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """How tokens are reached on this machine: the module (a shared library), the user's PIN, and how long one signature may take.

    An empty PIN means no login. `module` is empty where no token can be reached. `takes_extractable` lets keys seal that could be read
    out of their token; only a demonstration may.
    """

    module: str
    pin: str = field(repr=False)
    patience_seconds: float = PATIENCE_SECONDS
    takes_extractable: bool = False


def lanes_of(uri: str, access: TokenAccess | None, public_key: PublicKey, count: int | None) -> Lanes:
    """Return the lanes to a key; nothing is opened before the first signature.

    `public_key` is the certificate's, `count` how many lanes there may be. Without `access` the key can never be reached, which is
    enough for who only verifies. Raise `Misconfigured` for a wrong URI, and where no module is set or the extra `hsm` is not installed.
    """
    key = TokenKey.parse(uri)
    if access and not access.module:
        raise Misconfigured("a seal lies in a token and LICENCE_PKCS11_MODULE is not set")
    if access and not find_spec("pkcs11"):
        raise Misconfigured("a seal lies in a token and python-pkcs11 is not installed (the extra hsm)")

    def opening() -> Lane:
        if access is None:
            raise SealUnavailable("tokens are not reached from here")
        return _opened(key, access, public_key)

    return Lanes(opening, count or DEFAULT_LANES, patience_seconds=access.patience_seconds if access else PATIENCE_SECONDS)


class _Door:
    """This process's way into one token.

    A login is of the process, not of a session, and ends with its last session (PKCS #11 §5.6): one session is held for it alone. A PIN
    that was refused is not tried again, since a few wrong ones lock the token.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: pkcs11.Session | None = None
        self._refused = False

    def session(self, key: TokenKey, access: TokenAccess) -> "pkcs11.Session":
        """Open a session that may use private keys."""
        from pkcs11 import exceptions  # noqa: PLC0415 - an extra, asked for only where a seal lies in a token

        with self._lock:
            if self._refused:
                raise SealUnavailable("the token refused the PIN; it is not tried again before the next start")
            token = _module(access.module).get_token(token_label=key.token, token_serial=key.serial)
            if access.pin and self._held is None:
                try:
                    self._held = token.open(user_pin=access.pin)
                except exceptions.UserAlreadyLoggedIn:
                    self._held = token.open()
                except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange, exceptions.PinExpired, exceptions.PinLocked):
                    self._refused = True
                    raise
            session: pkcs11.Session = token.open()
            return session

    def leave(self) -> None:
        """Log in anew the next time: the token has forgotten this process."""
        with self._lock:
            held, self._held = self._held, None
            if held is not None:
                _close(held)


_DOORS: dict[tuple[str, str | None, bytes | None], _Door] = {}  # of this process, as the login is
_MODULES: dict[str, Any] = {}
_LOADING = Lock()


def _module(path: str) -> Any:  # noqa: ANN401 - the library's class is an extra's
    """Load a module once, for use by many threads.

    python-pkcs11 initialises it as for one thread (`C_Initialize(NULL)`), which tells the module not to lock; so it is done once more as
    PKCS #11 §5.4 wants it for many. The process's first use of a module must be this one.
    """
    with _LOADING:
        if path not in _MODULES:
            import pkcs11  # noqa: PLC0415 - an extra

            loaded = pkcs11.lib(path)
            functions = ctypes.CDLL(path)
            functions.C_Finalize(None)
            if functions.C_Initialize(ctypes.byref(_ForManyThreads(flags=_OS_LOCKING))):
                functions.C_Initialize(None)
                raise SealUnavailable("the PKCS #11 module cannot be used by several threads")
            _MODULES[path] = loaded
        return _MODULES[path]


class _ForManyThreads(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS #11 §3.7)."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("create", "destroy", "lock", "unlock")),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


def _opened(key: TokenKey, access: TokenAccess, public_key: PublicKey) -> "_TokenLane":
    """Open a session and find the key in it."""
    from pkcs11 import exceptions  # noqa: PLC0415 - an extra

    with _LOADING:
        door = _DOORS.setdefault((access.module, key.token, key.serial), _Door())
    session = None
    try:
        session = door.session(key, access)
        found = _private_key(session, key, door)
        if not access.takes_extractable:
            _check_stays(found)
        _check_pair(session, found, public_key)
        return _TokenLane(session, found, public_key, door.leave)
    except Exception as trouble:  # whatever it is, and it is raised again: a session that stays open is a lane of the token lost
        if session is not None:
            _close(session)
        if isinstance(trouble, exceptions.PKCS11Error):
            raise _meant(trouble) from trouble
        raise


def _private_key(session: "pkcs11.Session", key: TokenKey, door: _Door) -> Any:  # noqa: ANN401 - a key of the library, made as it is found
    """Find the private key; each search is gone through to its end, since a session does one thing at a time."""
    import pkcs11  # noqa: PLC0415 - an extra

    private = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
    named = {name: one for name, one in ((pkcs11.Attribute.LABEL, key.object), (pkcs11.Attribute.ID, key.id)) if one is not None}
    found = list(session.get_objects({**private, **named}))
    if len(found) > 1:
        raise SealUnavailable("the token has several private keys of this name; name the seal's by its id too")
    if not found:
        if not list(session.get_objects(private)):
            door.leave()  # who is not logged in, or not any more, sees no private key
        raise Passing("the token has no such private key, or hides it without a PIN")
    return found[0]


def _check_stays(key: Any) -> None:  # noqa: ANN401 - a key of the library, made as it is found
    """Raise `SealUnavailable` for a private key that can be read out of its token in the clear or wrapped (PKCS #11 §4.9), or of which it does not say so."""
    from pkcs11 import Attribute, exceptions  # noqa: PLC0415 - an extra

    try:
        stays = key[Attribute.SENSITIVE] and not key[Attribute.EXTRACTABLE]
    except (exceptions.AttributeTypeInvalid, exceptions.AttributeSensitive):
        raise SealUnavailable("the token does not say whether the seal's key can be taken out of it") from None
    if not stays:
        raise SealUnavailable("the seal's key can be taken out of its token: it must be sensitive and not extractable")


def _check_pair(session: "pkcs11.Session", key: Any, public_key: PublicKey) -> None:  # noqa: ANN401 - a key of the library, made as it is found
    """Raise `SealUnavailable` where the token says that the key is another than the certificate's; many tokens say nothing of EC keys."""
    import pkcs11  # noqa: PLC0415 - an extra

    if isinstance(public_key, rsa.RSAPublicKey):
        said, name, ours = [key], pkcs11.Attribute.MODULUS, public_key.public_numbers().n.to_bytes(public_key.key_size // 8)
    else:
        numbers = public_key.public_numbers()
        alike = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.Attribute.ID: key.id}
        said = list(session.get_objects(alike)) if key.id else []
        name, ours = pkcs11.Attribute.EC_POINT, numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    if any(not bytes(one[name]).endswith(ours) for one in said):  # a point is wrapped in DER or not, as the token likes
        raise SealUnavailable("the key in the token is not the one of the seal's certificate")


@dataclass(slots=True, eq=False)
class _TokenLane:
    """One session, and the key as this session knows it."""

    session: "pkcs11.Session"
    key: Any
    public_key: PublicKey
    leave: Callable[[], None]

    def sign(self, message: bytes) -> bytes:
        """See `Lane.sign`."""
        from pkcs11 import Mechanism, exceptions  # noqa: PLC0415 - an extra

        digest = hashlib.sha256(message).digest()
        try:
            if isinstance(self.public_key, rsa.RSAPublicKey):
                made = bytes(self.key.sign(_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))
                self.public_key.verify(made, digest, padding.PKCS1v15(), _OF_DIGEST)
            else:
                made = der_of_raw(bytes(self.key.sign(digest, mechanism=Mechanism.ECDSA)))
                self.public_key.verify(made, digest, ec.ECDSA(_OF_DIGEST))
        except exceptions.PKCS11Error as trouble:
            if isinstance(trouble, exceptions.UserNotLoggedIn):
                self.leave()
            raise _meant(trouble) from trouble
        except (InvalidSignature, ValueError) as wrong:
            raise Passing("a signature of the token does not hold with the seal's certificate") from wrong
        return made

    def close(self) -> None:
        """See `Lane.close`."""
        _close(self.session)


def _close(session: "pkcs11.Session") -> None:
    from pkcs11 import exceptions  # noqa: PLC0415 - an extra

    try:
        session.close()
    except exceptions.PKCS11Error:
        return  # it is gone


# What a token says, by the name of the library's exception; whatever else it says may pass.
_LASTING = {
    "PinIncorrect": "the token refuses the PIN",
    "PinInvalid": "the token refuses the PIN",
    "PinLenRange": "the token refuses the PIN",
    "PinExpired": "the token's PIN has expired",
    "PinLocked": "the token is locked after wrong PINs",
    "UserPinNotInitialized": "the token has no PIN yet",
    "MultipleTokensReturned": "several tokens have this label; name the seal's by its serial number",
    "MechanismInvalid": "the token cannot sign as this seal needs it",
    "KeyTypeInconsistent": "the key in the token is of another kind than the seal's certificate",
    "AttributeTypeInvalid": "the key in the token is of another kind than the seal's certificate",
}
_PASSING = {
    "NoSuchToken": "there is no such token",
    "UserNotLoggedIn": "the token wants a PIN",
}


def _meant(trouble: Exception) -> Exception:
    """Return what a trouble with a token means for a lane. The library's own words are left out: they repeat what was asked for."""
    name = type(trouble).__name__
    if name in _LASTING:
        return SealUnavailable(_LASTING[name])
    return Passing(_PASSING.get(name, "the PKCS #11 module cannot be loaded" if name == "PKCS11Error" else f"the token says {name}"))
