"""What goes into the trust bundle and its deltas, out of the book, the catalogue, the law and the keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from licence_service.bundle import Bundle, sign, sign_delta, sign_time
from licence_service.catalogue import Catalogue
from licence_service.errors import NotInRegister
from licence_service.law import Law
from licence_service.listing import StatusLists
from licence_service.rules import AgeCeiling, RulePack, as_data, in_force
from licence_service.rules.pack import GradeRecovery, RecurringHours
from licence_service.seal.code_keys import KnownCodeKey
from licence_service.seal.department import Department
from licence_service.seal.keyring import Keyring
from licence_service.seal.listing_tokens import base64url
from licence_service.seal.terms import point_of
from licence_service.seal.tokens import EVERY_PURPOSE, Purpose
from licence_service.store.heads import Heads
from licence_service.store.listings import Run

LAPSES_AHEAD = timedelta(days=60)  # suspensions that run on longer lapse in a later bundle: of every type this one is stale by then
Terms = Mapping[bytes, tuple[date, date]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What is told beside the lists; `terms` reads from when to when the code keys' certificates are."""

    catalogue: Catalogue
    keyring: Keyring
    law: Law
    heads: Heads
    terms: Callable[[], Terms] = field(repr=False)


class Publisher:
    """Builds the bundles of one book, named by its public address, with the key of its keeper."""

    def __init__(self, lists: StatusLists, sources: Sources, keeper: Department, book: str, now: Callable[[], datetime]) -> None:
        """Take the lists and what is told beside them, who signs, the public address and the clock."""
        self._lists, self._keeper, self._book, self._now = lists, keeper, book, now
        self._catalogue, self._keyring, self._law, self._heads, self._terms = (
            sources.catalogue, sources.keyring, sources.law, sources.heads, sources.terms,
        )  # fmt: skip
        self._signed = lru_cache(maxsize=2)(self._sign)
        self._signed_delta = lru_cache(maxsize=32)(self._sign_delta)

    def bundle(self, *, at_once: bool = False) -> str:
        """Return the bundle of the newest status lists, signed once; `at_once` makes them anew."""
        return self._signed(self._lists.refresh(at_once=True) if at_once else self._lists.current())

    def _sign(self, run: Run) -> str:
        contents = {number: one.content for number, one in self._lists.listings.lists(run).items()}
        return sign(self._of(run), self._keeper.signers[Purpose.STATUS], contents)

    def delta(self, since: datetime) -> str:
        """Return what turns the bundle whose `as_of` is `since` into the newest one; `NotInRegister` where its lists are no longer kept."""
        newest = self._lists.current()
        before = self._lists.listings.newest(since)
        if before is None or before.at != since:
            raise NotInRegister("the lists of that bundle are no longer kept; fetch the whole bundle")
        return self._signed_delta(before, newest)

    def _sign_delta(self, before: Run, newest: Run) -> str:
        return sign_delta(self._of(before), self._of(newest), self._keeper.signers[Purpose.STATUS])

    def keeper_key(self) -> dict[str, str]:
        """Return the key by which bundles and lists are signed, as the browser imports it."""
        signer = self._keeper.signers[Purpose.STATUS]
        return {"book": self._book, "kid": signer.kid.hex(), "public_key": base64url(point_of(signer.key.public_key()))}

    def time(self, nonce: str) -> str:
        """Return what time it is, signed for whoever asked with this nonce: it is never old (SH-05)."""
        return sign_time(self._book, self._now(), nonce, self._keeper.signers[Purpose.STATUS])

    def _of(self, run: Run) -> Bundle:
        made = self._lists.listings.made(run)
        head = self._heads.last()
        said = {"size": head.size, "until": head.until.isoformat(), "root": head.root, "message": base64url(head.message)} if head else None
        packs = self._law.packs()
        return Bundle(
            self._book, run.at, max(self._now(), run.at), said, tuple(self._issuers()), tuple(self._types(packs, run.day)),
            tuple({"id": pack.id, "sha256": pack.digest, "pack": as_data(pack)} for pack in sorted(packs, key=lambda one: one.id)),
            {number: bytes(places) for number, places in made.places.items()},
            {place: last for place, last in made.lapses.items() if last <= run.day + LAPSES_AHEAD},
        )  # fmt: skip

    def _issuers(self) -> list[dict[str, Any]]:
        terms = self._terms()
        found = []
        for one in sorted(self._keyring.departments.values(), key=lambda each: each.issuer_index):
            keys = [(kid, key) for kid, key in sorted(self._keyring.code_keys.items()) if key.owner == one.uscc]
            seals = [(digest, seal.seal_id) for digest, seal in self._keyring.known_seals.items() if seal.department == one.uscc]
            found.append(
                {
                    "index": one.issuer_index, "code": one.uscc, "zh": one.name, "en": one.name_en, "specimen": one.demo,
                    "code_keys": [_code_key(kid, key, terms) for kid, key in keys],
                    "seals": [self._seal(digest, seal_id) for digest, seal_id in sorted(seals)],
                }
            )  # fmt: skip
        return found

    def _seal(self, digest: str, seal_id: str) -> dict[str, str]:
        certificate = self._keyring.certificate_of(seal_id)
        days = (certificate.not_valid_before_utc.date().isoformat(), certificate.not_valid_after_utc.date().isoformat())
        return {"id": seal_id, "certificate_sha256": digest, "from": days[0], "to": days[1]}

    def _types(self, packs: tuple[RulePack, ...], day: date) -> list[dict[str, Any]]:
        found = []
        for slug in self._catalogue.slugs:
            editions = self._catalogue.editions[slug]
            used = [one for one in editions if one.used_from <= day] or editions  # of a type to come, what will be said of it
            said = {"index": used[-1].index, "name": slug, "zh": used[-1].title.zh, "en": used[-1].title.en}
            hours = used[-1].status_fresh_hours
            last = day + timedelta(days=-(-hours // 24))  # on which this bundle may still be fresh; the law may change until then
            found.append(said | {"freshness_hours": hours, "conditions": self._has_conditions(slug, packs, day, last)})
        return found

    def _has_conditions(self, slug: str, packs: tuple[RulePack, ...], first: date, last: date) -> bool:
        """Say whether a licence of this type may, on one of these days, have to meet something again and again."""
        editions = self._catalogue.editions[slug]
        if any(one.conditions_until or any(self._catalogue.kinds[kind].conditions_until for kind in one.endorsements) for one in editions):
            return True
        return any(_asks(packs, slug, first + timedelta(days=later)) for later in range((last - first).days + 1))


def _asks(packs: tuple[RulePack, ...], slug: str, day: date) -> bool:
    """Say whether a rule pack of this day asks something of licences of a type."""
    if in_force(packs, slug, day, RecurringHours) is not None or in_force(packs, slug, day, GradeRecovery) is not None:
        return True
    ceiling = in_force(packs, slug, day, AgeCeiling)
    return bool(ceiling and ceiling[1].effect == "condition")


def _code_key(kid: bytes, key: KnownCodeKey, terms: Terms) -> dict[str, Any]:
    """Return a key as a bundle tells it; what it is for, only where that is not everything: so bundles were before keys had purposes."""
    first, last = terms.get(kid, (None, None))
    days = {"from": first.isoformat() if first else None, "to": last.isoformat() if last else None}
    said = {"kid": kid.hex(), "public_key": base64url(point_of(key.public)), **days}
    return said if key.purposes == EVERY_PURPOSE else said | {"purposes": sorted(one.value for one in key.purposes)}
