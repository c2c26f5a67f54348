"""Claims (申领): a holder's licences are found and kept as cards. Claiming matches, it never issues (DOMAIN SH-15).

"Nothing found" is never the whole answer: every claim that leaves something open says why, and names the body that can put it right. What it
says of a licence rests on who the holder is, or on its delivery code; without either, a number that somebody has is answered as one that nobody has.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.errors import Misconfigured
from licence_service.fields import comparison_form
from licence_service.fold import ENDINGS
from licence_service.holding import CLAIM, Cards, Holding
from licence_service.identifiers import DELIVERY_CODE_LENGTH, normal_code
from licence_service.licence import Act, beijing_day
from licence_service.regions import within
from licence_service.seal.keyring import Keyring
from licence_service.store.book import Book
from licence_service.store.cards import Scope
from licence_service.store.holders import Holders
from licence_service.store.quarantine import Quarantine
from licence_service.store.record import Record
from licence_service.template import Template

REASONS = ("not_collected", "number_mismatch", "name_variant", "photo_missing", "licence_ended", "other_region", "in_quarantine")
NOT_COLLECTED, NUMBER_MISMATCH, NAME_VARIANT, PHOTO_MISSING, LICENCE_ENDED, OTHER_REGION, IN_QUARANTINE = REASONS
NUMBER, PLATE = WAYS = ("number", "plate")
IDENTITY, CODE = "identity", "code"  # how a card came to be one
MOST_AT_ONCE = 500  # licences of one claim by identity
_TOGETHER = 200  # licences opened at a time
_DOTS = re.compile(r"[·•・‧∙･．.]")  # between the parts of a name, as keyboards have them


@dataclass(frozen=True, slots=True)
class Body:
    """Who can put something right; `code` is that of a department of this register, None for one elsewhere."""

    code: str | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is no card: one of `REASONS`, the certificate type where it is known, and who can put it right."""

    code: str
    type: str | None
    body: Body


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim came to: licences that are cards from now on, those that were before, and why others are not.

    `guessed`: a delivery code was shown that does not belong to what was said with it. `after`: how many were gone through, where there are more.
    """

    new: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    guessed: bool = False
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """Words of the reasons, who puts each right, and the bodies of other regions, as `templates/_claims` declares them."""

    reasons: Mapping[str, Mapping[str, Any]]
    regions: Mapping[str, Body]

    def elsewhere(self, region: str) -> Body:
        """Return the body of a region that is not kept here."""
        starts = [one for one in self.regions if region.startswith(one)]
        return self.regions[max(starts, key=len)]


def read_declared(folder: Path) -> Declared:
    """Read `reasons.toml` and `regions.toml`; `Misconfigured` where a reason has no words, or no region is every other one."""
    try:
        reasons, regions = (tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in ("reasons", "regions"))
        bodies = {start: Body(None, str(said["zh"]), str(said["en"])) for start, said in regions.items()}
        words = [said[part][language] for said in reasons.values() for part in ("words", "advice") for language in ("zh", "en")]
        whole = set(reasons) == set(REASONS) and all(said["who"] in {"issuer", "region", "elsewhere"} for said in reasons.values())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Misconfigured(f"{folder.name} cannot be read: reasons.toml and regions.toml, each with words in both languages") from error
    if not whole or "" not in bodies or not all(isinstance(one, str) for one in words):
        raise Misconfigured(f"{folder.name} has words for each of {', '.join(REASONS)}, and a body for every other region")
    return Declared(reasons, bodies)


@dataclass(frozen=True, slots=True)
class Claims:
    """Takes claims."""

    cards: Cards
    book: Book
    holders: Holders
    quarantine: Quarantine
    keyring: Keyring
    keeper: str  # the department that keeps the register
    declared: Declared
    now: Callable[[], datetime] = field(repr=False)

    def by_identity(self, holding: Holding, slug: str | None = None, region: str | None = None, after: int = 0) -> Claimed:
        """Keep the licences that name the holder by their identity number, of one type where that is said, and what else keeps others from being cards.

        A stretch of `MOST_AT_ONCE` at a time: `after` of them were gone through before. What waits in the stock is said with the last stretch.
        """
        self.cards.demand(holding, CLAIM)
        number, name = self.holders.identity(holding.holder.holder_id)
        scope, reasons = _narrowed(holding, slug), list[Reason]()
        found, held_by = self.book.held_by(number, scope, after=after, limit=MOST_AT_ONCE + 1), self.cards.kept.held_by(number)
        more, found = len(found) > MOST_AT_ONCE, found[:MOST_AT_ONCE]
        before, good = self.cards.kept.which(scope, found), dict[str, str]()
        for record in self._records([one for one in found if before.get(one) != held_by]):
            if self._names(record, number):
                reason = self._against(record, name)
                if reason is None:
                    good[record.licence_id] = held_by
                else:
                    reasons.append(reason)
        if not more:
            waiting = (one for one in self.quarantine.of(number) if scope.covers(one.type))
            reasons += [self._reason(PHOTO_MISSING if one.photo else IN_QUARANTINE, one.type, one.department) for one in waiting]
        already, new = tuple(one for one in before if one not in good), self._kept(holding, good, IDENTITY)
        if not (new or already or reasons or more) and not (after and self.cards.kept.all(scope, limit=1)[0]):
            reasons = [self._nothing(slug, region)]
        return Claimed(new, already, tuple(dict.fromkeys(reasons)), after=after + MOST_AT_ONCE if more else None)

    def by_code(self, holding: Holding, way: str, value: str, delivery_code: str, slug: str | None = None, region: str | None = None) -> Claimed:
        """Keep the licence that a delivery code opens, where number or plate and the holder's identity fit it.

        A code that is wrong, and one that belongs to another number, are answered alike, whatever there is under the number.
        """
        self.cards.demand(holding, CLAIM)
        code = normal_code(delivery_code)
        found = self.book.by_delivery_code(code) if len(code) == DELIVERY_CODE_LENGTH else None
        record = self.book.get(found[0]) if found else None
        if record is None or not _narrowed(holding, slug).covers(record.type, record.licence_id) or not self._stands(record, way, value):
            return Claimed(reasons=(self._reason(NUMBER_MISMATCH, slug, None, region),), guessed=True)
        number, name = self.holders.identity(holding.holder.holder_id)
        reason = self._against(record, name) if self._names(record, number) else self._otherwise(record, name)
        if reason is not None:
            return Claimed(reasons=(reason,))
        held_by = self.cards.kept.held_by(self.cards.holder_on(record) or "")
        new = self._kept(holding, {record.licence_id: held_by}, CODE)
        return Claimed(new) if new else Claimed(already=(record.licence_id,))

    # -- matching --------------------------------------------------------------------------------------

    def _records(self, licence_ids: Sequence[str]) -> Iterator[Record]:
        for start in range(0, len(licence_ids), _TOGETHER):
            yield from self.book.records(licence_ids[start : start + _TOGETHER])

    def _template(self, record: Record) -> Template:
        return self.cards.catalogue.edition(record.type, record.at(beijing_day(self.now())).current.edition)

    def _names(self, record: Record, number: str) -> bool:
        """Say whether a licence names its holder by this identity number today."""
        licence = record.on(beijing_day(self.now()))
        if licence is None:
            return False
        said = licence.current.face.get(self._template(record).holder_id or "")
        return said is not None and comparison_form(str(said)) == comparison_form(number)

    def _otherwise(self, record: Record, name: str) -> Reason | None:
        """Judge a licence that does not name the holder's number: one of a type without a number is matched by the name, no other."""
        template, face = self._template(record), record.at(beijing_day(self.now())).current.face
        if template.holder_id and face.get(template.holder_id) is not None:
            return self._reason(NUMBER_MISMATCH, record.type, self._issuer(record))
        return self._against(record, name)

    def _against(self, record: Record, name: str) -> Reason | None:
        """Return what keeps a licence of the holder from being a card; None where nothing does."""
        licence, template = record.at(beijing_day(self.now())), self._template(record)
        current, issuer = licence.current, self._issuer(record)
        pictures = (one for one, declared in template.fields.items() if declared.type == "image" and declared.required)
        if licence.state in ENDINGS.values():
            return self._reason(LICENCE_ENDED, record.type, issuer)
        if _spoken(str(current.face.get(template.holder_name, ""))) != _spoken(name):
            return self._reason(NAME_VARIANT, record.type, issuer)
        if any(one not in current.photos for one in pictures):
            return self._reason(PHOTO_MISSING, record.type, issuer)
        return None

    def _stands(self, record: Record, way: str, value: str) -> bool:
        """Say whether a number or a plate stands on the licence today."""
        licence = record.on(beijing_day(self.now()))
        if licence is None:
            return False
        template, face = self._template(record), licence.current.face
        names = [template.number.field] if way == NUMBER else [name for name, one in template.fields.items() if one.type == PLATE]
        return any(comparison_form(str(face[name])) == comparison_form(value) for name in names if name in face)

    def _kept(self, holding: Holding, good: Mapping[str, str], how: str) -> tuple[str, ...]:
        new = self.cards.kept.keep_all(holding.scope, good, how, holding.host, holding.by, self.now()) if good else frozenset()
        return tuple(one for one in good if one in new)

    # -- reasons ---------------------------------------------------------------------------------------

    def _nothing(self, slug: str | None, region: str | None) -> Reason:
        if region is not None and not any(self._serves(one, slug, region) for one in self.keyring.departments):
            return Reason(OTHER_REGION, slug, self.declared.elsewhere(region))
        return self._reason(NOT_COLLECTED, slug, None, region)

    def _serves(self, uscc: str, slug: str | None, region: str) -> bool:
        department, day = self.keyring.departments[uscc], beijing_day(self.now())
        slugs = [slug] if slug else list(self.cards.catalogue.slugs)
        return any(
            department.may_seal(one, day, region, act=Act.ISSUE, by=uscc)
            and any(within(region, wider) for wider in department.regions_for(one, day, uscc))
            for one in slugs
        )

    def _issuer(self, record: Record) -> str:
        return record.issuer(beijing_day(self.now()))

    def _reason(self, code: str, slug: str | None, department: str | None, region: str | None = None) -> Reason:
        """Return a reason with who can put it right: a department, else who grants the type in the region, else who keeps the register."""
        serving = (one for one in self.keyring.departments if region is not None and self._serves(one, slug, region))
        known = department if department in self.keyring.departments else next(serving, self.keeper)
        one = self.keyring.departments[known or self.keeper]
        return Reason(code, slug, Body(one.uscc, one.name, one.name_en))


def _narrowed(holding: Holding, slug: str | None) -> Scope:
    """Return what who acts may know of, of one type where one is named."""
    scope = holding.scope
    return scope if slug is None else replace(scope, types=(slug,) if scope.covers(slug) else ())


def _spoken(name: str) -> str:
    """Return a name as it is compared: whatever dot stands between its parts."""
    return _DOTS.sub("·", comparison_form(name))
