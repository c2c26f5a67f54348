"""Each entry as people read it: what was done, by whom, on which decision, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from licence_service.endorsement import Endorsement
from licence_service.fields import Asker, Field, disclose
from licence_service.fields.printing import printed_row
from licence_service.fold import endorsement_states
from licence_service.history import words
from licence_service.history.differences import differences, text_of
from licence_service.history.numbering import INSIDE, OF_PENALTIES, Shown
from licence_service.history.words import said
from licence_service.licence import Act, Entry, Licence, Version, beijing_day
from licence_service.store.record import Record
from licence_service.template import EndorsementKind, Template

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Library:
    """Where labels and names come from: editions of the type, endorsement kinds, and the name of an organisation by its code."""

    template_of: Callable[[str], Template]
    kinds: Mapping[str, EndorsementKind]
    named: Callable[[str], str | None]


def history_of(record: Record, licence: Licence, asker: Asker, library: Library) -> list[Item]:
    """Return one item for each entry that this asker sees, oldest first; `licence` says on which day and as known when."""
    shown = Shown(licence.entries, library.kinds, asker)
    states = {one.endorsement_id: state for one, state in endorsement_states(licence.entries, licence.valid_at)}
    telling = _Telling(record, licence, library, shown, states)
    return [telling.item(entry) for entry in shown]


@dataclass(frozen=True, slots=True)
class _Telling:
    """One reading of one licence for one asker."""

    record: Record
    licence: Licence
    library: Library
    shown: Shown
    states: Mapping[str, str]
    _fields: dict[str, Mapping[str, Field]] = field(default_factory=dict)

    @property
    def asker(self) -> Asker:
        return self.shown.asker

    @property
    def inside(self) -> bool:
        return self.asker in INSIDE

    def item(self, entry: Entry) -> Item:
        assert entry.recorded_at  # noqa: S101 - it was read from the book
        return {
            "sequence": self.shown.numbers[entry.sequence],
            "act": said(words.ACTS, entry.act),
            "effective_on": entry.effective_on.isoformat(),
            "recorded_at": entry.recorded_at.isoformat(timespec="microseconds"),
            "by": {"department": self._organ(entry.department or self.record.department), "system": entry.by if self.inside else None},
            "decision": self._decision(entry),
            "recorded_only": entry.recorded_only,
            "campaign": entry.campaign if self.inside else None,
            "organs": [{**said(words.ROLES, role), "organ": self._organ(code)} for role, code in entry.organs.items()],
            "target": self._target(entry),
            "about": self._about(entry),
            "ground": self._ground(entry),
            "right_ended_on": _day(entry.right_ended_on),
            "until": _day(entry.until),
            "to_department": self._organ(entry.to_department) if entry.to_department else None,
            "agreed": entry.agreed and self.asker in OF_PENALTIES,
            "suspension": self._suspension(entry),
            "voided": entry.voided,
            "parent": entry.parent.licence_id if entry.parent and self.inside else None,
            "version": self._version(entry, entry.version) if entry.version else None,
            "overtaken": self._overtaken(entry),
            "endorsements": [self._endorsement(one, kind) for one in entry.endorsements if (kind := self.shown.kind(one))],
        }

    def _organ(self, code: str) -> Item:
        return {"code": code, "name": self.library.named(code)}

    def _decision(self, entry: Entry) -> Item:
        """Return the decision; its number and basis are kept where they would tell what sort a suspension or a hidden fact is."""
        decision = entry.decision
        told = self.asker in OF_PENALTIES or not (self._suspends(entry) or self.shown.hides_a_fact(entry))
        return {
            "number": decision.number if told else None,
            "organ": decision.organ,
            "decided_on": decision.decided_on.isoformat(),
            "legal_basis": decision.legal_basis if told else None,
            "unattended": decision.unattended,
            "officer": decision.officer if self.asker is Asker.CLERK else None,
        }

    def _suspends(self, entry: Entry) -> bool:
        """Say whether an entry is about a suspension: itself, or the one it lifts, stays, executes again or reverses."""
        if entry.suspension:
            return True
        target = self._entry(entry.target)
        return target is not None and target.sequence < entry.sequence and self._suspends(target)

    def _entry(self, sequence: int | None) -> Entry | None:
        return next((one for one in self.licence.entries if one.sequence == sequence), None)

    def _target(self, entry: Entry) -> Item | None:
        target = self._entry(entry.target)
        if target is None or target.sequence not in self.shown.numbers:
            return None
        return {"sequence": self.shown.numbers[target.sequence], "act": said(words.ACTS, target.act)}

    def _about(self, entry: Entry) -> Item | None:
        """Name the endorsement that is refused or withdrawn."""
        one = self.shown.about(entry)
        kind = self.shown.kind(one) if one else None
        if one is None or kind is None:
            return None
        return {**self._named(one, kind), "sequence": self.shown.brought_by(one.endorsement_id)}

    def _ground(self, entry: Entry) -> Item | None:
        """Return the ground; that of a cancellation is public, as a verdict says it, others may accuse a person."""
        if entry.ground is None or (entry.act is not Act.CANCEL and self.asker not in OF_PENALTIES):
            return None
        return said(words.GROUNDS, entry.ground)

    def _suspension(self, entry: Entry) -> Item | None:
        one = entry.suspension
        if one is None:
            return None
        told = self.asker in OF_PENALTIES
        return {
            "kind": said(words.SUSPENSIONS, one.kind) if told else None,
            "first": one.first.isoformat(),
            "last": _day(one.last),
            "allows": [said(words.ALLOWED, act) for act in one.allows] if told else [],
        }

    # -- documents ---------------------------------------------------------------------------------

    def _version(self, entry: Entry, version: Version) -> Item:
        before = [one for one in self.licence.versions if one.version < version.version]
        old = max(before, key=lambda one: one.version) if before else None
        erased = not version.face or (old is not None and not old.face)
        changes = [] if old is None or erased else differences(
            self._declared(version, old), old.face, version.face, (old.version, version.version), self.asker
        )  # fmt: skip
        return {
            "number": version.version,
            "reason": said(words.REASONS, version.reason),
            "state": said(words.VERSION_STATES, self._state(entry, version)),
            "copy_no": version.copy_no,
            "valid_from": version.valid_from.isoformat(),
            "valid_to": _day(version.valid_to),
            "erased": erased,
            "changes": changes,
        }

    def _state(self, entry: Entry, version: Version) -> str:
        """Return the state of a document on the day that is asked about; one entered later was not there yet."""
        state = self.licence.version_state(version)
        later = entry.recorded_at is not None and beijing_day(entry.recorded_at) > self.licence.valid_at
        return "not_yet_made" if state == "superseded" and later else state

    def _declared(self, *versions: Version) -> Mapping[str, Field]:
        """Return the fields of some editions; the newest edition that has a field decides who sees it, also in older documents."""
        merged: dict[str, Field] = {}
        for version in (self.licence.current, *versions):
            fields = self._fields.setdefault(version.edition, self.library.template_of(version.edition).fields)
            merged |= {name: one for name, one in fields.items() if name not in merged}
        return merged

    def _overtaken(self, entry: Entry) -> list[Item]:
        """Return the values of a change that a later legal day had overtaken before it was entered; it made no document."""
        if entry.version or not entry.changes:
            return []
        given = {name: value for name, value in entry.changes.items() if value is not None}
        number = self.licence.current.version
        return differences(self._declared(self.licence.current), {}, given, (number, number), self.asker)

    # -- endorsements ------------------------------------------------------------------------------

    def _named(self, one: Endorsement, kind: EndorsementKind) -> Item:
        return {"endorsement_id": one.endorsement_id, "kind": one.kind, "zh": kind.title.zh, "en": kind.title.en}

    def _endorsement(self, one: Endorsement, kind: EndorsementKind) -> Item:
        """Return an endorsement; strangers read the facts only of one that stands, what was wrong is the department's matter."""
        state = self.states.get(one.endorsement_id)
        told = self.inside or state == "accepted"
        return {
            **self._named(one, kind),
            "state": said(words.ENDORSEMENT_STATES, state) if state else None,
            "written": bool(kind.written_by),
            "occurred_on": one.occurred_on.isoformat(),
            "effective_from": one.effective_from.isoformat(),
            "effective_to": _day(one.effective_to),
            "asserter": self._organ(one.asserter),
            "accepter": self._organ(one.accepter) if one.accepter else None,
            "external_ref": one.external_ref if self.inside else None,
            "rule_pack": one.rule_pack,
            "corrects": self.shown.brought_by(one.corrects) if one.corrects else None,
            "erased": not one.facts,
            "facts": self._facts(one, kind) if told else [],
        }

    def _facts(self, one: Endorsement, kind: EndorsementKind) -> list[Item]:
        seen = disclose(kind.facts, one.facts, self.asker)
        full = printed_row(kind.facts, one.facts)
        return [
            {"name": name, "zh": each.label, "en": each.label_en,
             "text": full[name] if seen[name] == one.facts[name] else text_of(each, seen[name], one.facts[name])}
            for name, each in kind.facts.items() if name in seen
        ]  # fmt: skip


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
