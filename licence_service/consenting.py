"""A company invites, and persons let it see in its list how their own licences stand: by consent, for a term, withdrawn at any moment (DOMAIN SH-14, M7).

An employer stands on a person's certificate as words at most, which is no ground to show a company somebody's record; the person's consent is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.envelope import Reading
from licence_service.errors import Fault, NotGranted
from licence_service.fields import Field, comparison_form, mask
from licence_service.holding import DELEGATE, LEND, STAFF, Cards, Holding
from licence_service.identifiers import DELIVERY_CODE_LENGTH, normal_code
from licence_service.licence import Licence, beijing_day
from licence_service.store.cards import Card, Scope
from licence_service.store.consents import Consent, Consents, Given, Staffed
from licence_service.store.holders import COMPANY, PERSON, Holders
from licence_service.store.invitations import Invitation, Invitations
from licence_service.store.reads import Reads
from licence_service.template import Template, Term

CODE_LENGTH = DELIVERY_CODE_LENGTH
USUAL_DAYS, MOST_DAYS = 30, 90  # of an invitation
USUAL_MONTHS, MOST_MONTHS = 12, 36  # of a consent
_OF_A_PERSON = "person"  # the kind of holder of the types whose cards may be shown: templates say it
_MOST_CARDS = 1000  # of one person
CODE = Field(label="邀请码", type="string", disclose={}, required=True, max_length=60)


@dataclass(frozen=True, slots=True)
class Inviting:
    """Who invites, as the identity service named them: name and code of the company, and the last day on which the invitation may be used."""

    company: str
    name: str = field(repr=False)
    code: str = field(repr=False)
    last_on: date


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cards a person lets a company see, under which code, for how many months; checked."""

    licences: tuple[str, ...]
    code: str = field(repr=False)
    months: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a face a company sees: name and number; a number that is the citizen's identity number, or holds it, is masked. `fields` are their names."""

    name: str = field(repr=False)
    number: str = field(repr=False)
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consenting:
    """Invites for companies, takes persons' consents, and lists for a company what it may see."""

    cards: Cards
    invitations: Invitations
    kept: Consents
    reads: Reads
    holders: Holders
    now: Callable[[], datetime] = field(repr=False)

    # -- for companies -----------------------------------------------------------------------------

    def invite(self, holding: Holding, body: Mapping[str, Any]) -> Invitation:
        """Make an invitation, for 30 days where `days` says nothing else; the one before is over. `RequestRejected`, `CeilingReached`."""
        self._must_invite(holding)
        reading = Reading(body)
        reading.only(frozenset({"days"}))
        days = _within(reading, "days", USUAL_DAYS, MOST_DAYS)
        reading.refuse_if_faulty()
        last_on = beijing_day(self.now()) + timedelta(days=days)
        return self.invitations.make(holding.holder.holder_id, last_on, holding.by, holding.host, self.now())

    def invitation(self, holding: Holding) -> Invitation | None:
        """Return the company's invitation that may be used today, with its code; None where there is none."""
        self._must_invite(holding)
        return self.invitations.of(holding.holder.holder_id, beijing_day(self.now()))

    def end_invitation(self, holding: Holding) -> None:
        """End it: nobody consents under it any more. What was agreed stays until its own end."""
        self._must_invite(holding)
        self.invitations.end(holding.holder.holder_id, holding.by, self.now())

    def staff(self, holding: Holding, *, kind: str = "", after: int = 0, limit: int = 100) -> tuple[list[Staffed], int | None]:
        """Return what the company may see today, of one type or all, and the number to go on after; None where there is no more.

        What names another person since is left out, as it is no card of who agreed any more. Nothing is kept of this: `look` is for what is shown.
        """
        scope = self._scope(holding)
        if scope is None or (kind and (kind not in self.cards.catalogue.slugs or not scope.covers(kind))):
            return [], None
        narrowed = Scope(scope.holder_id, (kind,)) if kind else scope
        found, more = self.kept.staff(narrowed, holding.by, beijing_day(self.now()), after=after, limit=limit)
        return [one for one in found if self.cards.still_theirs(one.card)], more

    def types(self, holding: Holding) -> frozenset[str]:
        """Return the certificate types in the company's list."""
        scope = self._scope(holding)
        return self.kept.types(scope, beijing_day(self.now())) if scope else frozenset()

    def look(self, holding: Holding, shown: Mapping[int, Sequence[str]]) -> None:
        """Keep for the persons that the company's list told of their licences today, and who asked: row of the licence → names of fields (AU-06)."""
        self.reads.enter_daily(holding.holder.holder_id, holding.by, shown, self.now())

    def lookers(self, holding: Holding, after: int, limit: int) -> list[tuple[str, str | None, int]]:
        """Return who of the company looked at its list: day, name, and at how many licences; no name where the identity service gave none.

        It is for who answers for the company, and lets others look: the legal representative alone.
        """
        self.cards.demand(holding, DELEGATE)
        if holding.holder.kind != COMPANY:
            raise NotGranted("companies have a list of persons")
        company = holding.holder.holder_id
        found = self.reads.lookers(company, after=after, limit=limit)
        names = {one: None if one == company else self.holders.identity(one)[1] for one in {by for _, by, _ in found}}
        return [(day, names[by], count) for day, by, count in found]

    # -- for persons -------------------------------------------------------------------------------

    def inviting(self, holding: Holding, code: str) -> Inviting | None:
        """Return who invites by a code; None for one that opens nothing. Nothing is changed by it."""
        self._must_be_a_person(holding)
        plain = normal_code(code)
        found = self.invitations.by_code(plain, beijing_day(self.now())) if len(plain) == CODE_LENGTH else None
        if found is None:
            return None
        number, name = self.holders.identity(found.company)
        return Inviting(found.company, name, number, found.last_on)

    def was_one(self, code: str) -> bool:
        """Say whether a code is or was that of an invitation."""
        return self.invitations.made(normal_code(code))

    def showable(self, holding: Holding) -> list[Card]:
        """Return the person's cards that a company may be let see: those of types whose holder is a natural person."""
        self._must_be_a_person(holding)
        types = self._types_of_persons()
        if not types:
            return []
        found, _ = self.cards.kept.all(Scope(holding.holder.holder_id, types), limit=_MOST_CARDS)
        return [one for one in found if self.cards.still_theirs(one)]

    def agreed(self, holding: Holding, company: str) -> Mapping[str, date]:
        """Return which of the holder's licences a company sees today, by their ids, and until when."""
        return self.kept.living(holding.holder.holder_id, company, beijing_day(self.now()))

    def asked(self, holding: Holding, licence_ids: Sequence[str], body: Mapping[str, Any]) -> Asked:
        """Read that a company is to see cards: under which `code`, for how many `months`, twelve where nothing is said.

        `NotInRegister` for a card that is not theirs, `NotGranted` for one of a type that names no natural person, `RequestRejected` with all faults.
        """
        types = self._types_of_persons()
        for licence_id in licence_ids:
            if self.cards.card(holding, licence_id, LEND).type not in types:
                raise NotGranted("only certificates of natural persons are shown in a company's list")
        self._must_be_a_person(holding)
        reading = Reading(body)
        reading.only(frozenset({"code", "months"}))
        code, months = reading.field("code", CODE), _within(reading, "months", USUAL_MONTHS, MOST_MONTHS)
        reading.refuse_if_faulty()
        return Asked(tuple(licence_ids), normal_code(str(code)), months)

    def give(self, holding: Holding, asked: Asked) -> list[Consent]:
        """Let the company that invites see the cards, and return the consents; `NotInRegister` where its code opens nothing any more.

        Giving one again prolongs it where that comes to a later day, and changes nothing else.
        """
        last_on = Term(rule="default", months=asked.months).last_day(beijing_day(self.now()))
        given = Given(holding.holder.holder_id, holding.by, holding.host, asked.licences, asked.code, last_on)
        return self.kept.give(given, self.now())

    def of(self, holding: Holding, licence_id: str) -> list[Consent]:
        """Return the consents that the holder gave for a card, newest first."""
        self.cards.card(holding, licence_id, LEND)
        return self.kept.of(licence_id, holding.holder.holder_id)

    def mine(self, holding: Holding, licence_id: str, consent_id: str) -> Consent:
        """Return one consent of a card; `NotInRegister` for any that is not this holder's."""
        self.cards.card(holding, licence_id, LEND)
        return self.kept.named(consent_id, licence_id, holding.holder.holder_id)

    def withdraw(self, holding: Holding, licence_id: str, consent_id: str) -> None:
        """Withdraw a consent: the company's next request has it no more."""
        self.kept.withdraw(self.mine(holding, licence_id, consent_id), holding.by, self.now())

    # -- inside ------------------------------------------------------------------------------------

    def _must_invite(self, holding: Holding) -> None:
        self._must_be_a_company(holding)
        if not holding.whole:
            raise NotGranted("who acts for a part of the company's licences invites nobody")

    def _must_be_a_company(self, holding: Holding) -> None:
        self.cards.demand(holding, STAFF)
        if holding.holder.kind != COMPANY:
            raise NotGranted("companies have a list of persons")

    def _must_be_a_person(self, holding: Holding) -> None:
        self.cards.demand(holding, LEND)
        if holding.holder.kind != PERSON:
            raise NotGranted("persons let companies see their own licences")

    def _scope(self, holding: Holding) -> Scope | None:
        """Return of which types the list is; None where who acts was let act for some licences of the company, among which is no person's."""
        self._must_be_a_company(holding)
        return None if holding.licences is not None else holding.scope

    def _types_of_persons(self) -> tuple[str, ...]:
        editions = self.cards.catalogue.editions
        return tuple(slug for slug in self.cards.catalogue.slugs if editions[slug][-1].holder == _OF_A_PERSON)


def shown_of(licence: Licence, template: Template) -> Shown:
    """Return what a company that a person lets see a licence reads of its face."""
    face, number = licence.current.face, template.number.field
    identity, said = comparison_form(str(face.get(template.holder_id or "", ""))), str(face.get(number) or "")
    masked = mask(said) if identity and identity in comparison_form(said) else said
    names = (template.holder_name, number, template.term.end)
    return Shown(str(face.get(template.holder_name) or ""), masked, tuple(name for name in names if name in face))


def _within(reading: Reading, name: str, usual: int, most: int) -> int:
    said = reading.number(name)
    if said is not None and said > most:
        reading.faults.append(Fault(name, "out-of-range", f"1 to {most}"))
    return said or usual
