"""One department: what it is called, what it may seal and in whose name, and with what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from licence_service.errors import SealUnavailable
from licence_service.regions import EVERY, covered
from licence_service.seal import Seal
from licence_service.seal.granting import Alarm, Asked, Ceiling, Grant, Office, above, below, ceiling_among
from licence_service.seal.tokens import CodeSigner, Purpose

_MOST_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class Department:
    """One authority: what it is called, what it may seal, and with what."""

    uscc: str
    name: str
    name_en: str
    short_name: str
    issuer_index: int
    grants: tuple[Grant, ...]
    demo: bool
    valid_from: date
    signers: Mapping[Purpose, CodeSigner]  # of every purpose, though some may be one key
    impression: bytes | None = field(repr=False)
    seal: Seal = field(repr=False)
    offices: tuple[Office, ...] = ()
    alarm: Alarm | None = None
    # Of `may_seal`, asked for every licence.
    _answers: dict[tuple[object, ...], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def seal_on(self, day: date) -> Seal:
        """Return the seal in use on the Beijing date `day`; raise `SealUnavailable` before its first day."""
        if day < self.valid_from:
            raise SealUnavailable(f"the seal of {self.uscc} is not yet in use")
        return self.seal

    @property
    def region(self) -> str:
        """Return the administrative division of the department: characters 3 to 8 of its code (GB 32100)."""
        return self.uscc[2:8]

    def asked(
        self, licence_type: str, day: date, region: str | None = None, *, act: str | None = None, by: str | None = None, unattended: bool = False
    ) -> Asked:
        """Return what is asked of this department's seal; `by` is its own code or that of an office, None where it does not matter who asks."""
        names = None if by is None else frozenset({by, *(one.code for one in above(self.offices, by))})
        return Asked(licence_type, day, region, act, names, unattended)

    def may_seal(
        self, licence_type: str, day: date, region: str | None = None, *, act: str | None = None, by: str | None = None, unattended: bool = False
    ) -> bool:
        """Say whether one grant allows all of this (SE-01, LC-16), and the office that asks is open; see `asked`."""
        question = (licence_type, day, region, act, by, unattended)
        known = self._answers.get(question)
        if known is None:
            asked = self.asked(licence_type, day, region, act=act, by=by, unattended=unattended)
            known = self.works(by, day) and any(grant.covers(asked) for grant in self.grants)
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()  # threads share it: what was put may be gone at once
            self._answers[question] = known
        return known

    def regions_for(self, licence_type: str, day: date, by: str, known: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the regions for which who asks may issue a type on a day: of all that its grants of the type and its offices name, and its own (LC-16).

        Of the regions that are `known`, those within one that is named are named too.
        """
        asked = self.asked(licence_type, day, act="issue", by=by)
        if by == self.uscc:
            granted = (one for grant in self.grants if grant.covers(asked) for one in grant.regions)
            named = {*granted, *(one for each in self.offices for one in each.regions)}
        else:
            named = {*self.regions_of(by, day)}
        named |= {one for one in known if covered(one, named - {EVERY})}
        named |= {self.region} if by == self.uscc else set()
        return tuple(sorted(one for one in named - {EVERY} if self.may_seal(licence_type, day, one, act="issue", by=by)))

    def ceiling_of(self, licence_type: str, day: date, region: str | None = None, *, act: str | None = None, by: str | None = None) -> Ceiling | None:
        """Return how many licences of a type may be sealed in an hour of a day (AI-05): what the most generous grant says; None is no ceiling."""
        return ceiling_among(self.grants, self.asked(licence_type, day, region, act=act, by=by))

    def works(self, by: str | None, day: date) -> bool:
        """Say whether who asks is open on a day: the department always, an office if it and all above it are; no other is."""
        if by in {None, self.uscc}:
            return True
        chain = above(self.offices, by or "")
        return bool(chain) and all(one.open_on(day) for one in chain)

    def within(self, office: str) -> tuple[str, ...]:
        """Return the codes of an office and of all below it, closed ones too; none for an office that is not there."""
        return tuple(one.code for one in below(self.offices, office))

    def regions_of(self, office: str, day: date) -> tuple[str, ...]:
        """Return the regions that an office covers on a day, with those of the open offices below it; all that lie within them are covered too."""
        return tuple(sorted({region for one in below(self.offices, office) if one.open_on(day) for region in one.regions}))
