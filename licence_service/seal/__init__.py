"""A department signs: what a seal is, what it gives back, and what an examination of a document finds.

Nothing here opens a file, asks a clock or knows a database: times come in as arguments, keys through `keyring`.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeGuard, runtime_checkable


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed document and how it was sealed.

    `document` is the whole PDF; `certificate_sha256` is the lower-case hex digest of the sealing certificate's DER;
    `sealed_at` is an aware UTC instant with whole seconds, as /M of the signature claims it; `scheme` is a row of
    `keyring.SCHEMES`.
    """

    document: bytes
    seal_id: str
    certificate_sha256: str
    sealed_at: datetime
    scheme: str


class Seal(Protocol):
    """A department's ability to sign: a key held here, or a service elsewhere that takes a file and gives it back."""

    @property
    def seal_id(self) -> str:
        """The name of the seal, unique over all departments, such as `<department>-2026`."""

    @property
    def certificate_sha256(self) -> str:
        """Lower-case hex SHA-256 of the DER of the sealing certificate."""

    def affix(self, document: bytes, *, sealed_at: datetime, request_id: str) -> Sealed:
        """Seal the PDF `document` as of the aware instant `sealed_at` and return the sealed file.

        `request_id` is the reservation's id; sealing the same document under the same id again is harmless: a remote
        service returns its first result, a key here makes the same bytes again, a token perhaps another signature over
        the same document, of which one is entered. Raise `errors.SealUnavailable` if
        the seal cannot be had now.
        """


@runtime_checkable
class HeldSeal(Seal, Protocol):
    """A seal whose key is held here, in memory or in a token, so that it also signs a document whose slot was laid out beforehand.

    `is_held` tells it from a seal elsewhere, which takes whole files only.
    """

    @property
    def scheme(self) -> str:
        """A row of `keyring.SCHEMES`."""

    @property
    def slot_bytes(self) -> int:
        """The length of the signature slot in hexadecimal digits: what stands between `<` and `>` of /Contents."""

    @property
    def unsigned_slot(self) -> bytes:
        """What `slot_over` gives but for digest and signature, which are zeros: nothing is signed, no key is asked."""

    def slot_over(self, digest: bytes) -> bytes:
        """Return the content of the slot, exactly `slot_bytes` digits out of `0-9A-F`, filled up with zeros.

        `digest` is the SHA-256 (32 bytes) of all bytes that the document's /ByteRange covers: everything but the slot
        with its angle brackets (ISO 32000-2 §12.8.1). As deterministic as `affix`. Raise `ValueError` for another length, and
        `errors.SealUnavailable` if the key cannot be had now.
        """

    def slots_over(self, digests: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield the contents of many slots, in the order of `digests`, with as many signatures under way as the seal has lanes.

        Digests may be taken ahead of the slots that are yielded; an exception raised among them ends it. Raises in the place of
        the first slot that cannot be had, as `slot_over`. Close it where it is not used up.
        """

    @property
    def place(self) -> str:
        """Where the key lies: `here` or `token`."""

    @property
    def lanes(self) -> int:
        """How many signatures may be under way at once."""

    def reach(self) -> None:
        """Raise `errors.SealUnavailable`, with what is wrong, if the key cannot be reached now; signs nothing."""

    def close(self) -> None:
        """Let go of sessions that are not in use; they are opened anew when the seal is asked."""


_HELD: dict[type, bool] = {}


def is_held(seal: Seal) -> TypeGuard[HeldSeal]:
    """Say whether the key is held here. A kind of seal is looked through once: to do it for every licence takes as long as a signature."""
    kind = type(seal)
    if kind not in _HELD:
        _HELD[kind] = isinstance(seal, HeldSeal)
    return _HELD[kind]


@dataclass(frozen=True, slots=True)
class KnownSeal:
    """A sealing certificate this service knows, in use or retired: whose it is, how its seal is called, its days of use.

    `chain` holds the hex SHA-256 of the certificates that every seal carries besides it; `used_from` and `used_to` are
    Beijing days, both included, None where nothing is said.
    """

    seal_id: str
    department: str
    certificate_sha256: str
    chain: tuple[str, ...] = ()
    used_from: date | None = None
    used_to: date | None = None

    def used_on(self, day: date) -> bool:
        """Say whether the seal was in use on a Beijing day (SE-05)."""
        return (self.used_from is None or self.used_from <= day) and (self.used_to is None or day <= self.used_to)


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination of a file says about its seal; `reasons` is empty exactly when nothing was found wrong.

    `intact`: the signed bytes are unchanged. `covers_whole_file`: no byte but the signature's own lies outside.
    `trusted`: the chain led to a trust root at sealing time and the certificate is one of a known department.
    `department` is its `uscc`, absent for an unknown signer; `licence_type` what the attached data say it is. Reasons are stable slugs, named in `examination`.
    """

    signed: bool = False
    intact: bool = False
    covers_whole_file: bool = False
    trusted: bool = False
    department: str | None = None
    certificate_sha256: str | None = None
    sealed_at: datetime | None = None
    seal_id: str | None = None
    licence_type: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether a seal lies on every byte of the file as it is, whoever set it."""
        return self.signed and self.intact and self.covers_whole_file

    @property
    def good(self) -> bool:
        """Whether the file is a genuine sealed document of a known department, changed nowhere."""
        return self.whole and self.trusted and not self.reasons
