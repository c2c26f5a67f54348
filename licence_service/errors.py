"""Every refusal, in the words of the domain.

Two roots: a `Refusal` says that the service understood and says no; `Unavailable` that it cannot say now.
`licence_service.web.problems` holds the one table from these facts to HTTP.
Messages never repeat a value that came from outside: they name places (paths), not contents.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (`face.valid_to`), which rule (`bad-check-digit`), and why in words."""

    path: str
    code: str
    message: str


class Refusal(Exception):  # noqa: N818 - facts are named without a suffix
    """The service understood the request and says no."""

    slug = "refused"
    title = "The request is refused"

    def __init__(self, detail: str = "", *, faults: Iterable[Fault] = (), facts: dict[str, str] | None = None) -> None:
        """Take a sentence for people, all faults found, and public facts (ids, version numbers) for programs."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = tuple(faults)
        self.facts = facts or {}


class Unavailable(Exception):  # noqa: N818
    """The service cannot say now; asking again after `retry_after` seconds is right."""

    slug = "unavailable"
    title = "The service cannot answer now"

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        """Take a sentence for people and the seconds to wait."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after


class TemplateRejected(Refusal):
    """A file under `templates/` is not a correct template; refused when loading."""

    slug, title = "template-rejected", "The template is not correct"


class UnknownType(Refusal):
    """No template of that name is in force."""

    slug, title = "unknown-type", "There is no such licence type"


class FaceRejected(Refusal):
    """The face does not keep the template's rules; carries every fault."""

    slug, title = "face-rejected", "The face data is not acceptable"


class RequestRejected(Refusal):
    """The request is not of the documented shape; carries every fault."""

    slug, title = "request-rejected", "The request is not of the documented shape"


class TransitionRefused(Refusal):
    """The licence is not in a state that allows the act (DOMAIN §2a, act × state)."""

    slug, title = "transition-refused", "The state of the licence does not allow this act"


class EntryConflict(Refusal):
    """Somebody else entered first; read the licence again and decide anew."""

    slug, title = "entry-conflict", "Another act was entered first"


class KeyReused(Refusal):
    """The same idempotency key, or the same case, came with other content (AI-01)."""

    slug, title = "key-reused", "This key was used before with other content"


class NumberTaken(Refusal):
    """A live licence of this type, number and issuer exists already."""

    slug, title = "number-taken", "A live licence with this number exists"


class PageDisagrees(Refusal):
    """What the drawn page says is not what the face says; the line stops before the seal (DOMAIN M10)."""

    slug, title = "page-disagrees", "The drawn page does not say what the face says"


class TypeRetired(Refusal):
    """The type is no longer issued or renewed; what was issued stays verifiable (LC-15)."""

    slug, title = "type-retired", "This licence type is retired"


class NotInForce(Refusal):
    """A template, rule pack or grant that two people did not put in force is not used."""

    slug, title = "not-in-force", "What this rests on was not put in force"


class ReportConsumed(Refusal):
    """An inspection report serves once (XR-02)."""

    slug, title = "report-consumed", "This report was used before"


class SignatureWrong(Refusal):
    """The asserting body's signature is not right (EN-01)."""

    slug, title = "signature-wrong", "The signature of the asserting body is not right"


class NotInRegister(Refusal):
    """No such licence, version or entry that this asker may know of."""

    slug, title = "not-in-register", "The register knows no such thing"


class AccessRefused(Refusal):
    """The caller is not known."""

    slug, title = "access-refused", "Who is calling is not known"


class CheckFailed(Refusal):
    """A data source says no; the faults name it, and the fields that it was asked about (AI-04)."""

    slug, title = "check-failed", "A data source says no"


class NeedsClerk(Refusal):
    """No rule set may decide this case: a person does, and sends it again with the officer (AI-04)."""

    slug, title = "needs-clerk", "A person must decide this case"


class NotGranted(Refusal):
    """The caller is known but holds no grant for this act or type (SE-01)."""

    slug, title = "not-granted", "The caller holds no grant for this"


class LevelTooLow(Refusal):
    """Who they are was not shown well enough for this; `level` is how it was, `wanted` what is needed."""

    slug, title = "level-too-low", "The identity was not shown well enough for this"


class CeilingReached(Refusal):
    """The caller's hourly ceiling is reached (AI-05)."""

    slug, title = "ceiling-reached", "The hourly ceiling is reached"

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        """Take a sentence for people, and the seconds after which there is room again, where they are known."""
        super().__init__(detail)
        self.retry_after = retry_after


class TokenRefused(Refusal):
    """No access token; `code` is the word of RFC 6749 §5.2 for why."""

    slug, title = "token-refused", "No access token is given"

    def __init__(self, code: str, detail: str) -> None:
        """Take the word and a sentence."""
        super().__init__(detail)
        self.code = code


class TooManyFailures(Refusal):
    """Too many wrong codes from this address or for this pair; right codes are never refused."""

    slug, title = "too-many-failures", "Too many wrong codes"


class BodyTooLarge(Refusal):
    """The body is over its limit."""

    slug, title = "body-too-large", "The body is too large"


class WrongMediaType(Refusal):
    """The body is of a kind this address does not take."""

    slug, title = "wrong-media-type", "The body is of a kind this address does not take"


class SourceSilent(Unavailable):
    """A data source has not answered, or not lately; the same request may come again (AI-04)."""

    slug, title = "source-silent", "A data source has not answered"


class SealUnavailable(Unavailable):
    """The department's seal cannot be had now; the issue waits and is finished later."""

    slug, title = "seal-unavailable", "The seal cannot be had now"


class SealStopped(SealUnavailable):
    """A seal officer stopped this seal."""

    slug, title = "seal-stopped", "This seal is stopped"


class SealBraked(SealUnavailable):
    """As many licences of this type as a grant lets a department seal in an hour are sealed; the issue waits for the next hour (AI-05)."""

    slug, title = "seal-braked", "The hourly ceiling of the grant is reached"


class ArchiveUnavailable(Unavailable):
    """A document cannot be stored or fetched now."""

    slug, title = "archive-unavailable", "The archive cannot be reached"


class Misconfigured(Exception):  # noqa: N818
    """The operator's settings, keys or templates do not fit together; said at start, never at a request."""
