"""Who acts for a holder, what they may do, and the one door to a holder's licences (DOMAIN SH-13, SH-15)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.catalogue import Catalogue
from licence_service.errors import LevelTooLow, Misconfigured, NotGranted, NotInRegister
from licence_service.fields import comparison_form
from licence_service.licence import Version, beijing_day
from licence_service.store.cards import Card, KeptCards, Scope
from licence_service.store.holders import Holder
from licence_service.store.record import Record

READ, CLAIM, SHOW, LEND, DOWNLOAD, LOOKS, DELEGATE = "read", "claim", "show", "lend", "download", "looks", "delegate"
STAFF = "staff"  # inviting persons, and reading a company's list of them
GIVEN = frozenset({READ, CLAIM, SHOW, LEND, DOWNLOAD, LOOKS, STAFF})  # what a company may let others do for it
ALL = GIVEN | {DELEGATE}
HIGHEST = 3  # identity level


@dataclass(frozen=True, slots=True)
class Holding:
    """Somebody acting for a holder.

    `session` is the log-in, `host` the client that acts for them (None: our own wallet), `acts` what they may do. `person` is
    the id of who comes themselves, where that is another than the holder; `delegation` names what lets them. `types` and `licences` are all that
    they may know of; None is all of the holder's.
    """

    holder: Holder
    session: str
    host: str | None
    acts: frozenset[str] = ALL
    person: str | None = None
    delegation: str | None = None
    types: tuple[str, ...] | None = None
    licences: tuple[str, ...] | None = None

    @property
    def by(self) -> str:
        """Return the id of who acts."""
        return self.person or self.holder.holder_id

    @property
    def shown_under(self) -> str:
        """Return what show codes are bound to: the log-in, and the delegation where they act under one."""
        return f"{self.session}/{self.delegation}" if self.delegation else self.session

    @property
    def whole(self) -> bool:
        """Say whether they act for all of the holder's licences."""
        return self.types is None and self.licences is None

    @property
    def scope(self) -> Scope:
        """Return whose cards they may know of, and which."""
        return Scope(self.holder.holder_id, self.types, self.licences)


@dataclass(frozen=True, slots=True)
class Cards:
    """A holder's licences. `levels` says which identity level an act needs."""

    kept: KeptCards
    catalogue: Catalogue
    levels: Mapping[str, int]
    now: Callable[[], datetime] = field(repr=False)

    def demand(self, holding: Holding, act: str) -> None:
        """Raise `NotGranted` where who acts may not do this for the holder, `LevelTooLow` where they must show their identity better."""
        if act not in holding.acts:
            raise NotGranted("this was not delegated")
        if holding.holder.level < self.levels[act]:
            facts = {"level": str(holding.holder.level), "wanted": str(self.levels[act])}
            raise LevelTooLow(f"identity level {self.levels[act]} is wanted for this; come again with a higher one", facts=facts)

    def card(self, holding: Holding, licence_id: str, act: str = READ) -> Record:
        """Return a licence that is a card of the holder, for an act; `NotInRegister` for every other licence, as if it did not exist."""
        return self.kept_card(holding, licence_id, act).record

    def kept_card(self, holding: Holding, licence_id: str, act: str = READ) -> Card:
        """Return the same with when and how it was claimed."""
        self.demand(holding, act)
        card = self.kept.one(holding.scope, licence_id)
        if not self.still_theirs(card):
            raise NotInRegister
        return card

    def still_theirs(self, card: Card) -> bool:
        """Say whether the face names the same holder as when the card was claimed: a vehicle that was sold is somebody else's."""
        return self.names(card.record, card.held_by)

    def names(self, record: Record, held_by: str | None) -> bool:
        """Say whether the face names this blinded holder today."""
        holder = self.holder_on(record)
        return holder is not None and self.kept.held_by(holder) == held_by

    def kept_by(self, holder_id: str, licence_id: str) -> Record | None:
        """Return a licence while it is a card of a holder and names them; None of one that is another's since, or was given back."""
        try:
            card = self.kept.one(Scope(holder_id), licence_id)
        except NotInRegister:
            return None
        return card.record if self.still_theirs(card) else None

    def holder_on(self, record: Record) -> str | None:
        """Return who a licence names as its holder: their identity number where the type has one on its face, else the name."""
        licence = record.on(beijing_day(self.now()))
        return self._named(record, licence.current) if licence else None

    def theirs_since(self, record: Record) -> datetime | None:
        """Return when the present holder came on the licence; None where nobody else was on it before."""
        licence = record.at(beijing_day(self.now()))
        holder, entered = self._named(record, licence.current), {one.version.version: one.recorded_at for one in licence.entries if one.version}
        others = [one.version for one in licence.versions if self._named(record, one) != holder]
        if not others:
            return None
        return entered[min((one.version for one in licence.versions if one.version > max(others)), default=licence.current.version)]

    def _named(self, record: Record, version: Version) -> str:
        """Return the holder on a document, in the form in which they are compared."""
        template = self.catalogue.edition(record.type, version.edition)
        return comparison_form(str(version.face.get(template.holder_id or "", version.face.get(template.holder_name, ""))))


def read_levels(text: str) -> Mapping[str, int]:
    """Return the identity level of each act from `act=level` words; `Misconfigured` where one is missing or none."""
    words = dict(word.partition("=")[::2] for word in text.split())
    if set(words) != ALL or not all(level in {"1", "2", "3"} for level in words.values()):
        raise Misconfigured(f"LICENCE_HOLDER_LEVELS names an identity level, 1 to {HIGHEST}, for each of: {', '.join(sorted(ALL))}")
    return {act: int(level) for act, level in words.items()}
