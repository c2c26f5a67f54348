"""Preparing answers: what a scanned code will be told is worked out once, and told from there while nothing has changed.

A verdict is a pure reading of entries, law and day. So it is made by `Verifier`, as for everybody, and kept with the days on which it
stays the same (`lasting`); only the clocks in it are written anew each time. The answer to a code lies ready after its licence was
issued, changed or scanned once.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from licence_service import __version__, qr_token
from licence_service.catalogue import Catalogue, kind_digest
from licence_service.digests import canonical, sha256
from licence_service.errors import Misconfigured, Refusal, Unavailable
from licence_service.lasting import lasts_until
from licence_service.licence import Entry, Version, beijing_day
from licence_service.line import Line
from licence_service.reasons import REASONS
from licence_service.seal.keyring import Keyring
from licence_service.shorthand import Shorthand
from licence_service.store.prepared import Moment, Prepared, PreparedAnswers, key_of_code, key_of_document
from licence_service.store.record import Record
from licence_service.verdict import CHECKS, Verdict, clocks_json, in_words, source_json
from licence_service.verification import ADOPTED, Question, Verifier, known_now, made_by

MOST_AT_ONCE = 500
FRESH_SECONDS = 0.25
_MOST_WANTED = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPLIT = '"answers":'  # what stands before it in a verdict changes with the clock


def shorthand_of(catalogue: Catalogue) -> Shorthand:
    """Return the pieces that answers repeat: every reason in words, and how each field and kind of the catalogue is introduced."""
    pieces = [_json(words) for words in in_words(tuple(REASONS))]
    fields = [edition.fields for editions in catalogue.editions.values() for edition in editions] + [kind.facts for kind in catalogue.kinds.values()]
    pieces += [_json({"name": name, "zh": one.label, "en": one.label_en})[:-1] for each in fields for name, one in each.items()]
    pieces += [f'{{"no":{number},"name":"{name}","result":"' for number, name in enumerate(CHECKS, 1)]
    return Shorthand(pieces)


def generation_of(catalogue: Catalogue, keyring: Keyring, shorthand: Shorthand) -> str:
    """Return a name for everything but the book that an answer rests on: templates, kinds, departments, keys, wording, release."""
    editions = [edition.digest for slug in sorted(catalogue.editions) for edition in catalogue.editions[slug]]
    kinds = [kind_digest(catalogue.kinds[slug]) for slug in sorted(catalogue.kinds)]
    departments = [[one.uscc, one.name, one.name_en, one.demo] for _, one in sorted(keyring.departments.items())]
    keys = sorted([kid.hex(), one.owner, sorted(each.value for each in one.purposes)] for kid, one in keyring.code_keys.items())
    seals = sorted(
        [one.certificate_sha256, one.seal_id, one.department, str(one.used_from), str(one.used_to)] for one in keyring.known_seals.values()
    )
    roots = [sha256(root) for root in keyring.trust_roots]
    pieces = [piece.decode() for piece in shorthand.pieces]
    return sha256(canonical([__version__, editions, kinds, departments, keys, seals, roots, pieces]))


@dataclass(frozen=True, slots=True)
class Preparer:
    """Answers scanned codes from what lies ready, and sees to it that it does."""

    verifier: Verifier
    line: Line
    answers: PreparedAnswers
    shorthand: Shorthand
    now: Callable[[], datetime] = field(repr=False)
    tick: Callable[[], float] = field(default=time.monotonic, repr=False)
    wanted: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_WANTED), repr=False)
    held: list["_AsOf"] = field(default_factory=list, repr=False)

    def answer(self, digits: str) -> bytes | None:
        """Return the verdict on a code as JSON, as `Verifier.by_code` says it; None where none lies ready.

        `checked_at` and `known_at` are at most `FRESH_SECONDS` ago: the instant at which the ends of book and law were read last. A newer
        entry of this very licence is never passed over.
        """
        return self._told(key_of_code(digits))

    def answer_document(self, content: bytes) -> bytes | None:
        """Return the verdict on a file that is an archived original, as `Verifier.by_document` says it; None where none lies ready."""
        return self._told(key_of_document(sha256(content)))

    def _told(self, key: bytes) -> bytes | None:
        as_of = self._as_of()
        found = self.answers.find(key, as_of.day, as_of.law)
        if found is None:
            return None
        content, newest = found
        if newest > as_of.until:  # entered since the clocks were read
            self.held.clear()
            as_of = self._as_of()
        overall, sealed_at, rest = content.split(b"\n", 2)
        said = as_of.said
        if sealed_at:
            said = said[:-1] + b"," + _json(source_json("seal", datetime.fromisoformat(sealed_at.decode()), as_of.read)).encode() + b"]"
        return b'{"overall":"%b",%b,%b' % (overall, said, self.shorthand.whole(rest))

    def _as_of(self) -> "_AsOf":
        """Return the clocks of an answer, read again when they are no longer fresh."""
        kept = self.held[0] if self.held else None
        if kept is None or self.tick() - kept.read_at >= FRESH_SECONDS:
            kept = _as_of(self.answers.moment(), self.now(), self.tick(), self.verifier.sources)
            self.held[:] = [kept]
        return kept

    def want(self, digits: str) -> None:
        """Ask that the answer to a code that was just verified shall lie ready from now on."""
        self.wanted.append(digits)

    def work(self) -> int:
        """Prepare what was scanned, then what was entered, then what a new day made stale; return how many answers were made."""
        scanned = [self.wanted.popleft() for _ in range(min(len(self.wanted), MOST_AT_ONCE))]
        made = self._keep(one for digits in dict.fromkeys(scanned) for one in self._for_code(digits))
        touched, place = self.answers.touched(MOST_AT_ONCE)
        if touched:
            made += self._keep(self._for_licences(touched))
            self.answers.move_to(place)
        return made + self._keep(self._for_licences(self.answers.drop_outworn(beijing_day(self.now()), MOST_AT_ONCE)))

    def _keep(self, makes: Iterator[Prepared]) -> int:
        law = self.answers.moment().law  # before anything is judged: a line of the law that comes between makes the answer unsure, never wrong
        made = list(makes)
        self.answers.keep(made, law)
        return len(made)

    def _for_code(self, digits: str) -> Iterator[Prepared]:
        found = self.verifier.of_code(digits)
        if isinstance(found, tuple):
            yield from self._prepared(digits, *found)

    def _for_licences(self, licence_ids: Iterable[str]) -> Iterator[Prepared]:
        for record in self.verifier.book.records(list(licence_ids)):
            try:
                yield from [one for entry in record.entries if entry.version for one in self._for_version(record, entry, entry.version)]
            except (Refusal, Misconfigured, Unavailable, LookupError):
                continue  # of a type or department that is no longer there: the usual way says so

    def _for_version(self, record: Record, entry: Entry, version: Version) -> Iterator[Prepared]:
        if digits := self._printed(record, entry, version):
            yield from self._prepared(digits, record, version.version)

    def _printed(self, record: Record, entry: Entry, version: Version) -> str | None:
        """Return the digits on a version's paper; None where it was sealed elsewhere, its face is erased or its department's keys are gone."""
        department = self.verifier.keyring.departments.get(made_by(record, version.version))
        if version.seal_id == ADOPTED or not version.face or department is None:
            return None
        message = self.line.code_message(entry, self.verifier.catalogue.edition(record.type, version.edition), department)
        return qr_token.digits_of(message)

    def _prepared(self, digits: str, record: Record, number: int) -> Iterator[Prepared]:
        """Make the answers to the code of a version and to its archived original."""
        above = record.parent
        if above and above.parent:
            return  # the statement looks one licence up, no further
        today, entries = beijing_day(self.now()), (*record.entries, *(above.entries if above else ()))
        version = next(entry.version for entry in record.entries if entry.version and entry.version.version == number)
        ways = {
            key_of_code(digits): self.verifier.shown_by_code(record, number, Question()),
            key_of_document(version.document.sha256): self.verifier.shown_by_document(record, number, Question()),
        }
        for key, verdict in ways.items():
            if verdict.valid_at == today and verdict.conditions is not None:
                until = lasts_until(entries, self.verifier.law.packs(), verdict.conditions, today)
                head_above = above.entries[-1].sequence if above else 0
                newest = max(entry.recorded_at for entry in entries if entry.recorded_at)
                yield Prepared(key, record.licence_id, today, until, record.entries[-1].sequence, head_above, newest, self._kept(verdict))

    def _kept(self, verdict: Verdict) -> bytes:
        """Return an answer as it is kept: its one word, when its seal was examined, and in shorthand what follows the clocks."""
        text, sealed_at = _json(verdict.as_json()), verdict.sources.get("seal")
        front = f"{verdict.overall.value}\n{sealed_at.isoformat() if sealed_at else ''}\n"
        return front.encode() + self.shorthand.shorten(text[text.index(_SPLIT) :])


@dataclass(frozen=True, slots=True)
class _AsOf:
    """What all answers of the same quarter of a second share: day and law, and the JSON of the clocks and the head."""

    day: str
    law: int
    said: bytes
    until: int  # recorded time of the book's last entry, µs since 1970
    read: datetime
    read_at: float


def _as_of(moment: Moment, now: datetime, read_at: float, sources: Callable[[datetime], Mapping[str, datetime]]) -> _AsOf:
    day, known_at = beijing_day(now), known_now(now, moment.recorded_at)
    clocks = clocks_json(now, day, known_at, (moment.entry, moment.recorded_at), sources(known_at))
    return _AsOf(day.isoformat(), moment.law, _json(clocks)[1:-1].encode(), _micros(moment.recorded_at), now, read_at)


def _micros(instant: datetime | None) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1) if instant else 0


def _json(value: object) -> str:
    """Return JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
