"""The verifier's judgement of a licence without a presented document, a view or the clocks: what many rows need of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from licence_service.licence import Licence
from licence_service.rules import Conditions
from licence_service.store.record import Record
from licence_service.verdict import Answer, Check, Overall, Result, answers_of, overall_of
from licence_service.verification import Verifier, _conditions, _current, _dates, _right


@dataclass(frozen=True, slots=True)
class Standing:
    """How a licence stands on its day: the word, the answers to the five questions, and its conditions."""

    licence: Licence
    overall: Overall
    answers: Mapping[str, Answer]
    conditions: Conditions


def standing_of(verifier: Verifier, record: Record, licence: Licence, known_at: datetime | None) -> Standing:
    """Judge a licence by its current document, as `Verifier` does for a number with its check code."""
    template = verifier.catalogue.edition(record.type, licence.current.edition)
    said = verifier.judged(record, licence, template, known_at)
    in_register = Check(1, "register", "authentic", Result.YES, ("in-register",))
    checks = (in_register, _current(licence, licence.current.version, by_paper=False), _right(licence), _dates(licence), _conditions(said))
    answers = answers_of(checks)
    return Standing(licence, overall_of(answers), answers, said)
