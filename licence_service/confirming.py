"""Before anything is sealed on a decision: the approval system's register of decisions, where one is declared, confirms it (AI-02; docs/deciding.md).

It is asked whether this organ took this decision on that day, whether it carries this act for this case and holder, and whether it was used for
another licence. One question holds everything that is to be done on one decision.
"""

import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeAlias

from licence_service.basis import Basis, Receipt, Result
from licence_service.connectors import OF_DECISION, Connector, Connectors, Use, read_result
from licence_service.digests import canonical, sha256
from licence_service.drafting import Draft
from licence_service.errors import CheckFailed, Fault, Refusal, Unavailable
from licence_service.fields import comparison_form
from licence_service.frozen import dataclass, field, replace
from licence_service.gateway import Gateway
from licence_service.licence import Act, Entry, beijing_day
from licence_service.line import Line
from licence_service.store.record import Record
from licence_service.store.source_waits import WAITING, Whose
from licence_service.template import Template
from licence_service.waiting import Asking

MOST_MATTERS = 1000  # in one question
_AT_ONCE = 8  # questions about different decisions
_Answers: TypeAlias = list[tuple[Result, str | None, str]]  # result, reference, digest of what was said of it


@dataclass(frozen=True, slots=True)
class OnDecision:
    """An act as it would be entered on its decision. `holder` is the text by which its holder is known, `use` what a repeated request has alike.

    `case_no` is that of a first entry; a later act has none, and is known by its licence.
    """

    draft: Draft
    type: str
    holder: str = field(repr=False)
    use: str = field(repr=False)
    case_no: str | None = None

    @property
    def known_by(self) -> str:
        """Return the number under which it waits; that of a later act is no number of a case."""
        return self.case_no or later_number(self.draft.entry.licence_id, self.draft.entry.act)

    @property
    def confirmed_as(self) -> tuple[str, ...]:
        """Return what one answer holds for: this decision, for this use."""
        decision = self.draft.entry.decision
        return decision.number, decision.organ, decision.decided_on.isoformat(), self.use

    def said(self, secret: bytes) -> Mapping[str, str | None]:
        """Return what can be asked of it; holder and use are keyed with the secret that the register shares (docs/formats.md §15)."""
        entry, decision = self.draft.entry, self.draft.entry.decision
        return {
            "decision.number": decision.number, "decision.organ": decision.organ, "decision.decided_on": decision.decided_on.isoformat(),
            "act": entry.act.value, "type": self.type, "case_no": self.case_no, "licence": entry.licence_id or None,
            "holder": keyed(secret, "holder", comparison_form(self.holder)), "use": keyed(secret, "use", self.use),
        }  # fmt: skip


def later_number(licence_id: str, act: str) -> str:
    """Return the number under which an act on a licence that is there waits; it is no number of a case."""
    return f"{licence_id}#{act}"


def first_on(organisation: str, draft: Draft, case_no: str) -> OnDecision:
    """Return a first entry on its decision; its use is what makes it the same licence: case, type and holder (AI-01)."""
    face = draft.entry.version.face if draft.entry.version else {}
    return OnDecision(draft, draft.template.slug, _holder(draft.template, face), use_of(organisation, case_no, draft.template, face), case_no)


def use_of(organisation: str, case_no: str, template: Template, face: Mapping[str, Any]) -> str:
    """Return the text that makes a first entry the same licence when it comes again: organisation, case, type and holder (AI-01)."""
    return f"{organisation}|{comparison_form(case_no)}|{template.slug}|{comparison_form(_holder(template, face))}"


def later_on(line: Line, use: str, record: Record, draft: Draft) -> OnDecision:
    """Return an act on a licence that is there on its decision; `use` is the key of its request."""
    current = draft.entry.version or record.at(beijing_day(line.now())).current
    return OnDecision(draft, record.type, _holder(line.catalogue.edition(record.type, current.edition), current.face), use)


def _holder(template: Template, face: Mapping[str, Any]) -> str:
    """Return the text by which a holder is known: the number, or the name where the type has none."""
    return str(face.get(template.holder_id or "", face.get(template.holder_name, "")))


def keyed(secret: bytes, kind: str, text: str) -> str:
    """Return HMAC-SM3 in hexadecimal over canonical JSON of `[kind, text]`: who shares the secret can compare, nobody can read."""
    return hmac.new(secret, canonical([kind, text]), "sm3").hexdigest()


def rests_on(register: Connector, entry: Entry) -> bool:
    """Say whether an act is sealed, or entered, on a decision of this register.

    What takes over or converts a right that there is decides nothing (ST-01), and what a rule pack or the plan of a campaign decides on a
    licence that there is has its trace elsewhere.
    """
    if entry.act is Act.ADOPT or entry.origin or entry.campaign or (entry.sequence > 1 and entry.decision.unattended):
        return False
    return bool(entry.version) or bool(register.decisions and entry.act in register.decisions.acts)


def confirms(receipt: Receipt, slug: str) -> bool:
    """Say whether a receipt confirms a decision for a licence of this type; the same receipt is judged the same at any time (M21)."""
    return (
        receipt.fetched and receipt.result is Result.PASS and {*OF_DECISION, "act", "holder", "use"} <= set(receipt.compared) and receipt.type == slug
    )


def asked_ahead(line: Line, whose: Whose, acts: Sequence[OnDecision]) -> Line:
    """Ask about the decisions of many acts together, one question for each decision; return a line on which nobody is asked about them again."""
    if line.connectors is None:
        return line
    return replace(line, connectors=replace(line.connectors, known=_Round(line, whose, line.connectors).receipts(acts)))


def confirmed(line: Line, whose: Whose, acts: Sequence[OnDecision]) -> list[Draft | Refusal | Unavailable]:
    """Return each act with the receipt of its decision in its basis, or why it is not entered, in their order.

    A failure is `CheckFailed`; a conflict is `NeedsClerk` and leaves a task; a register that stays silent is `SourceSilent`, and in the end
    `NeedsClerk`: a person sees to it, but nobody can go on without it.
    """
    connectors = line.connectors
    if connectors is None:
        return [one.draft for one in acts]
    return _Round(line, whose, connectors).outcomes(acts)


@dataclass(frozen=True, slots=True)
class _Round:
    """Acts of one organisation whose decisions are asked about together."""

    line: Line
    whose: Whose
    connectors: Connectors

    def outcomes(self, acts: Sequence[OnDecision]) -> list[Draft | Refusal | Unavailable]:
        """Return what `confirmed` does."""
        receipts = {**self.receipts([one for one in acts if one.confirmed_as not in self.connectors.known]), **self.connectors.known}
        return [self._outcome(act, receipts.get(act.confirmed_as)) for act in acts]

    def receipts(self, acts: Sequence[OnDecision]) -> dict[tuple[str, ...], Receipt]:
        """Ask one question for each decision, some of them side by side; acts that no register is asked about, or not yet again, have no receipt."""
        questions: dict[tuple[str, ...], list[OnDecision]] = defaultdict(list)
        for act in acts:
            if (register := self._register(act)) and not self._left_alone(register, act):
                questions[register.source, *act.confirmed_as[:3]].append(act)
        parts = [(name, of[start : start + MOST_MATTERS]) for (name, *_), of in questions.items() for start in range(0, len(of), MOST_MATTERS)]
        if not parts:
            return {}
        with ThreadPoolExecutor(min(len(parts), _AT_ONCE), "decisions") as pool:
            answers = list(pool.map(lambda part: self._answered(*self.connectors.declared[part[0]], part[1]), parts))
        return {act.confirmed_as: one for (_, of), answer in zip(parts, answers, strict=True) for act, one in zip(of, answer, strict=True)}

    def _outcome(self, act: OnDecision, receipt: Receipt | None) -> Draft | Refusal | Unavailable:
        register = self._register(act)
        if register is None:
            return act.draft
        if receipt is None:
            return self._asking(act).silent([register.source], register.source, asked=False)
        return self._judged(act, receipt)

    def _register(self, act: OnDecision) -> Connector | None:
        """Return the register that is asked about an act, None where none is."""
        found = self.connectors.register_of(self.whose.department, act.type)
        return found[0] if found and rests_on(found[0], act.draft.entry) else None

    def _asking(self, act: OnDecision) -> Asking:
        about = None if act.case_no else (act.draft.entry.licence_id, act.draft.entry.act.value)
        return Asking(self.line, self.whose, act.type, act.known_by, about)

    def _left_alone(self, register: Connector, act: OnDecision) -> bool:
        """Say whether the register was silent lately about an act: it is left alone up to its next turn, unless a person sees to it."""
        wait = self._asking(act).wait()
        return wait is not None and register.source in wait.sources and wait.state == WAITING and self.line.now() < wait.next_at

    def _answered(self, register: Connector, gateway: Gateway, acts: Sequence[OnDecision]) -> list[Receipt]:
        """Ask about one decision, and return a receipt for each act on it."""
        assert register.decisions  # noqa: S101 - it was chosen for that
        said = [act.said(gateway.secret) for act in acts]
        ways = sorted((there, name) for there, name in register.ask.items())
        fields: dict[str, Any] = {there: said[0][name] for there, name in ways if name.startswith("decision.")}
        fields[register.decisions.matters] = [
            {there: each[name] for there, name in ways if not name.startswith("decision.") and each[name] is not None} for each in said
        ]
        entry = acts[0].draft.entry
        use = Use(self.whose.department, entry.decision.unattended or "", (entry.basis.item if entry.basis else None) or "", entry.decision.number)
        began = self.line.now()
        message_id = sha256(canonical(fields))[:32]
        found = self.connectors.answered(
            register, gateway, use, f"{message_id}-{register.source}", fields, lambda data: _each(register, data, len(acts)), self.line.now
        )
        ended = self.line.now()
        results = found[0] if found else [(Result.UNAVAILABLE, None, sha256(b""))] * len(acts)
        return [
            _receipt(register, act, each, answer, (began, ended)) for act, each, answer in zip(acts, said, results, strict=True)
        ]  # fmt: skip

    def _judged(self, act: OnDecision, receipt: Receipt) -> Draft | Refusal | Unavailable:
        asking = self._asking(act)
        if receipt.result is Result.UNAVAILABLE:
            return asking.silent([receipt.source], f"{receipt.source} (unavailable)", asked=True)
        asking.answered()
        if confirms(receipt, act.type):
            return _with(act.draft, receipt)
        faults = [Fault(f"receipts.{receipt.source}", receipt.result.value, f"about: {', '.join(receipt.compared)}")]
        return CheckFailed(faults=faults, facts={"rule": "AI-02"}) if receipt.result is Result.FAIL else asking.for_a_clerk(faults)


def _each(register: Connector, data: Mapping[str, Any], count: int) -> _Answers | None:
    """Return what a register said of each thing that is to be done, None where it did not say something of each."""
    said = data.get(register.decisions.matters) if register.decisions else None
    if not isinstance(said, list) or len(said) != count:
        return None
    found = [(read_result(register, one), one) for one in said if isinstance(one, dict)]
    if len(found) != count or any(result is None for result, _ in found):
        return None
    return [(result[0], result[1], sha256(canonical(one))) for result, one in found if result]


def _receipt(
    register: Connector, act: OnDecision, said: Mapping[str, str | None], answer: tuple[Result, str | None, str], times: tuple[datetime, datetime]
) -> Receipt:  # fmt: skip
    result, reference, digest = answer
    about = tuple(sorted(name for name in register.ask.values() if said[name] is not None))
    return Receipt(register.source, *times, result, about, digest, reference, fetched=True, case_no=act.case_no, type=act.type)


def _with(draft: Draft, receipt: Receipt) -> Draft:
    """Return a draft whose basis holds the receipt of its decision; one that a caller sent under this name gives way."""
    basis = draft.entry.basis or Basis()
    kept = tuple(one for one in basis.receipts if one.source != receipt.source)
    return replace(draft, entry=replace(draft.entry, basis=replace(basis, receipts=(*kept, receipt))))
