"""A company lets managers and clerks act for it: with scope and time, ended whenever it wants (DOMAIN SH-13)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.envelope import Reading
from licence_service.errors import Fault, NotGranted
from licence_service.fields import Field
from licence_service.holding import DELEGATE, GIVEN, READ, Cards, Holding
from licence_service.identifiers import is_citizen_id
from licence_service.identity import MOST_NAME, MOST_NUMBER
from licence_service.licence import beijing_day
from licence_service.store.delegations import ROLES, Delegation, Delegations, Wanted
from licence_service.store.holders import COMPANY, PERSON, Holders

LONGEST = timedelta(days=3 * 366)
MOST_NAMED = 1000  # types, or licences, of one delegation
_NUMBER = Field(label="证件号码", type="string", disclose={}, required=True, max_length=MOST_NUMBER)
_NAME = Field(label="姓名", type="string", disclose={}, required=True, max_length=MOST_NAME)
_CHINESE_ID = 18  # characters


@dataclass(frozen=True, slots=True)
class Delegating:
    """Gives and ends delegations."""

    cards: Cards
    kept: Delegations
    holders: Holders
    now: Callable[[], datetime] = field(repr=False)

    def give(self, holding: Holding, body: Mapping[str, Any]) -> Delegation:
        """Give a delegation; `RequestRejected` names all that is wrong with it. Only the company itself gives one. Giving it again changes nothing."""
        self._must_be_the_company(holding)
        reading, today = Reading(body), beijing_day(self.now())
        reading.only(frozenset({"number", "name", "role", "acts", "types", "licences", "first_on", "last_on"}))
        number, name = reading.field("number", _NUMBER), reading.field("name", _NAME)
        if number is not None and len(number) == _CHINESE_ID and not is_citizen_id(number):
            reading.faults.append(Fault("number", "bad-check-digit", "structure or check digit is not that of GB 11643"))
        role, acts = reading.one_of("role", ROLES, required=True), _listed(reading, "acts", GIVEN)
        if acts is None:
            reading.faults.append(Fault("acts", "missing", f"one or more of: {', '.join(sorted(GIVEN))}"))
        types = _listed(reading, "types", frozenset(self.cards.catalogue.slugs))
        said = body.get("licences")
        asked = [one for one in said if isinstance(one, str)] if isinstance(said, list) and len(said) <= MOST_NAMED else []
        licences = _listed(reading, "licences", frozenset(self.cards.kept.which(holding.scope, asked)))
        first, last = reading.day("first_on") or today, reading.day("last_on")
        reading.faults += _untimely(first, last, today)
        reading.refuse_if_faulty()
        assert last  # noqa: S101 - a fault otherwise
        delegate = self.holders.known(PERSON, str(number), str(name), self.now(), vouched=False)
        wanted = Wanted(delegate, str(name), str(role), frozenset({*(acts or ()), READ}), types, licences, first, last)
        return self.kept.give(holding.holder.holder_id, wanted, holding.by, self.now())

    def end(self, holding: Holding, delegation_id: str) -> Delegation:
        """End one with the delegate's next request; `NotInRegister` for one that the company did not give."""
        self._must_be_the_company(holding)
        return self.kept.end(holding.holder.holder_id, delegation_id, holding.by, self.now())

    def of_former(self, holding: Holding) -> int:
        """Return how many delegations that still hold were given by somebody who spoke for the company before who acts; 0 to anybody else."""
        mine = holding.holder.kind == COMPANY and DELEGATE in holding.acts
        return self.kept.of_former(holding.holder.holder_id, beijing_day(self.now())) if mine else 0

    def listed(self, holding: Holding) -> tuple[list[Delegation], list[Delegation]]:
        """Return those that the holder gave, and those that who acts was given, by number and name; a delegate sees none of the company's others."""
        if holding.delegation is not None:
            return [], [one for one in self.kept.held(holding.by) if one.delegation_id == holding.delegation]
        mine = holding.holder.holder_id
        if holding.holder.kind == COMPANY:
            return self.kept.given(mine), []
        name = self.holders.identity(mine)[1]
        return [], [one for one in self.kept.held(mine) if one.names(name)]

    def _must_be_the_company(self, holding: Holding) -> None:
        self.cards.demand(holding, DELEGATE)
        if holding.holder.kind != COMPANY:
            raise NotGranted("companies delegate, by their legal representative")


def _listed(reading: Reading, name: str, known: frozenset[str]) -> tuple[str, ...] | None:
    """Take a list of known words; None where it is absent. What is not known is one fault, whatever it is."""
    said = reading.body.get(name)
    if said is None:
        return None
    if not isinstance(said, list) or not 1 <= len(said) <= MOST_NAMED or not all(isinstance(one, str) and one in known for one in said):
        reading.faults.append(Fault(name, "unknown-name", f"a list of 1 to {MOST_NAMED} that there are, and that you may name"))
        return None
    return tuple(dict.fromkeys(said))


def _untimely(first: date, last: date | None, today: date) -> list[Fault]:
    if last is None:
        return [Fault("last_on", "missing", "the last day on which it holds")]
    if last < max(first, today):
        return [Fault("last_on", "before-start", "the last day lies before the first, or is gone")]
    return [Fault("last_on", "too-long", f"at most {LONGEST.days} days")] if last > first + LONGEST else []
