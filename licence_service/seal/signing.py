"""What signs for a seal: a key in this process's memory, or one elsewhere behind lanes (`lanes`)."""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Protocol, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from licence_service.seal.ecdsa import der_signature

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# RFC 8017 §8.2; the objects are kept, since to make them takes as long as to write a container.
_PKCS1, _SHA256 = padding.PKCS1v15(), hashes.SHA256()


class Signing(Protocol):
    """Makes signatures as a SignerInfo carries them (RFC 5754 §3.2, §3.3): RSA with PKCS #1 v1.5, or Ecdsa-Sig-Value; over SHA-256."""

    @property
    def place(self) -> str:
        """Where the key lies: `here` or `token`."""

    @property
    def count(self) -> int:
        """How many signatures may be under way at once."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over one message; raise `SealUnavailable` where it cannot be had now."""

    def each(self, messages: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield the signatures over all messages, in order; messages may be taken ahead. Close it where it is not used up."""

    def reach(self) -> None:
        """Raise `SealUnavailable` where the key cannot be reached now; signs nothing."""

    def close(self) -> None:
        """Let go of what is held; it is taken anew where it is needed."""


class KeyHere:
    """A private key in memory, which signs one message after the other."""

    place = "here"
    count = 1

    def __init__(self, key: PrivateKey) -> None:
        """Take the key."""
        self.sign: Callable[[bytes], bytes] = partial(_rsa_signature, key) if isinstance(key, rsa.RSAPrivateKey) else partial(der_signature, key)

    def each(self, messages: Iterable[bytes]) -> Generator[bytes, None, None]:
        """See `Signing.each`; each is signed when it is asked for."""
        for message in messages:
            yield self.sign(message)

    def reach(self) -> None:
        """See `Signing.reach`: it always can."""

    def close(self) -> None:
        """See `Signing.close`: there is nothing."""


def _rsa_signature(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    return key.sign(message, _PKCS1, _SHA256)
