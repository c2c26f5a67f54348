"""What is noted of a case of which nothing comes, so that its state line says so: why, in codes, and never a value (DOMAIN §2e)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from licence_service import requests
from licence_service.confirming import use_of
from licence_service.errors import (
    EntryConflict,
    FaceRejected,
    PageDisagrees,
    Refusal,
    RequestRejected,
    SourceSilent,
    TransitionRefused,
    Unavailable,
    UnknownType,
)
from licence_service.licence import Act, beijing_day
from licence_service.line import Line
from licence_service.requests import IssueRequest
from licence_service.store.case_answers import CaseAnswers, Refused
from licence_service.store.clients import Client

# What is not of its shape decides nothing about its case. What is refused on the way of a reservation stands with the reservation.
_NOT_NOTED = (RequestRejected, FaceRejected, UnknownType, TransitionRefused, EntryConflict, PageDisagrees)


@contextmanager
def noted_on_case(line: Line, answers: CaseAnswers, caller: Client, request: IssueRequest, act: Act = Act.ISSUE) -> Iterator[None]:
    """Note a first entry's refusal, or that its sources are silent, on its case."""
    try:
        yield
    except (Refusal, SourceSilent) as refused:
        if one := _noted(line, caller, request, refused, act):
            answers.note([one], line.now())
        raise


def note_all(line: Line, answers: CaseAnswers, caller: Client, refused: Iterable[tuple[Mapping[str, Any], object]]) -> None:
    """Note the same of rows that come together, each with its body and what became of it, in one transaction; what was not refused is passed over."""
    said = [
        _noted(line, caller, requests.read_issue(body), outcome, Act.ISSUE)
        for body, outcome in refused
        if isinstance(outcome, Refusal | SourceSilent)
    ]
    if any(said):
        answers.note([one for one in said if one], line.now())


def _noted(line: Line, caller: Client, request: IssueRequest, refused: Refusal | Unavailable, act: Act) -> Refused | None:
    """Return what is noted of a refusal; None where the case was not judged, or is none of the caller's business."""
    if isinstance(refused, _NOT_NOTED) or not request.case_no or not caller.may(act, request.type):
        return None
    template = line.catalogue.in_force(request.type, beijing_day(line.now()))
    use = use_of(caller.organisation, request.case_no, template, request.face)
    return Refused(caller, request.case_no, use, request.type, act.value, _codes(refused), getattr(refused, "facts", {}).get("task_id"))


def _codes(refused: Refusal | Unavailable) -> tuple[str, ...]:
    """Return why, in codes: the problem's, the rule's, and those of its faults with their places."""
    if not isinstance(refused, Refusal):
        return (refused.slug,)
    rule = [refused.facts["rule"]] if "rule" in refused.facts else []
    return (refused.slug, *rule, *(f"{one.path} {one.code}" for one in refused.faults))
