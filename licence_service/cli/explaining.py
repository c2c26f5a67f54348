"""`licence-service explain`: what a licence's decision rests on, in words, and whether the rules would say the same again (DOMAIN M21)."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from licence_service.basis import Basis, Judged, Receipt
from licence_service.cli.talking import err, out, said, service, show
from licence_service.errors import NotInRegister
from licence_service.licence import Entry
from licence_service.replaying import SAME, decided_again, granted_at, judged_again
from licence_service.service import Service
from licence_service.store.record import Record

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_WORDS = {
    "pass": "agrees", "fail": "says no", "conflict": "says something else", "unavailable": "did not answer", "stale": "answered too long ago",
    "missing": "was not asked about all of it",
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Give the command its place."""
    app.command()(explain)


@said
def explain(
    identifier: Annotated[str, typer.Argument(help="A licence's id, or its electronic-licence identifier.")],
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say what the decision behind a licence rests on, and judge it again; exit code 1 where the rules would say something else now."""
    with service() as opened:
        record = opened.book.get(identifier)
        found = _explained(opened, record.type, record.entries[0])
        found["acts"] = _later_acts(record)
    if as_json:
        show(found, as_json=True)
    else:
        _told(found)
    if {found["again"], *(one["again"] for one in found["acts"])} - {None, SAME}:
        err.print("[red]judged again, the rules say something else[/]")
        raise typer.Exit(1)


def _explained(opened: Service, slug: str, entry: Entry) -> dict[str, Any]:
    version = entry.version
    if version is None or entry.recorded_at is None:
        raise NotInRegister("the licence has no first document")
    basis = entry.basis or Basis()
    template, then = opened.catalogue.edition(slug, version.edition), granted_at(opened.law, slug, entry)
    return {
        "licence_id": entry.licence_id,
        "type": slug,
        "case": {"item": basis.item, "bundle_no": basis.bundle_no, "entered_by": entry.by, "recorded_at": entry.recorded_at.isoformat()},
        "decision": _decision(entry),
        "receipts": [_receipt(one) for one in basis.receipts],
        "rules": _judged(basis.judged) if basis.judged else None,
        "grant": then.said() if then else None,
        "again": judged_again(opened.law, slug, entry) if basis.judged else decided_again(slug, basis),
        "fields": _printed(entry, [name for name in template.fields if name in version.face]),
        "erased": bool(entry.basis_sha256 and not entry.basis),
    }  # fmt: skip


def _printed(entry: Entry, names: Iterable[str]) -> dict[str, Any]:
    """Return where printed fields come from, and of when that is (AI-09): where the request named no source, who entered them, and when."""
    origins, recorded_at = (entry.basis or Basis()).origins, entry.recorded_at.isoformat() if entry.recorded_at else None
    entered = {"source": entry.by, "at": recorded_at}
    return {name: {"source": one.source, "at": one.at.isoformat()} if (one := origins.get(name)) else entered for name in names}


def _later_acts(record: Record) -> list[dict[str, Any]]:
    """Return what later acts rest on, and the fields that they printed anew."""
    acts: list[dict[str, Any]] = []
    before: Mapping[str, Any] = {}
    for entry in record.entries:
        face = entry.version.face if entry.version else before
        told = entry.basis.origins if entry.basis else {}
        changed = [name for name, value in face.items() if before.get(name) != value or name in told]
        if entry.sequence > 1 and (entry.basis or changed):
            acts.append({**_later(record.type, entry), "fields": _printed(entry, changed)})
        before = face
    return acts


def _later(slug: str, entry: Entry) -> dict[str, Any]:
    """Return what a later act rests on."""
    basis = entry.basis or Basis()
    return {
        "sequence": entry.sequence, "act": entry.act.value, "decision": _decision(entry), "receipts": [_receipt(one) for one in basis.receipts],
        "again": decided_again(slug, basis),
    }  # fmt: skip


def _decision(entry: Entry) -> dict[str, Any]:
    decision = entry.decision
    return {
        "number": decision.number, "organ": decision.organ, "decided_on": decision.decided_on.isoformat(),
        "legal_basis": decision.legal_basis, "by": decision.unattended or "an officer",
    }  # fmt: skip


def _receipt(one: Receipt) -> dict[str, Any]:
    return {
        "source": one.source, "result": one.result.value, "about": list(one.compared), "answered_at": one.answered_at.isoformat(),
        "digest": one.digest, "reference": one.reference, "by": "this service" if one.fetched else "the approval system",
        "case_no": one.case_no, "type": one.type,
    }  # fmt: skip


def _judged(judged: Judged) -> dict[str, Any]:
    findings = [{"source": one.source, "result": one.result.value, "about": list(one.compared)} for one in judged.findings]
    return {"rule_set": judged.rule_set, "digest": judged.digest, "at": judged.at.isoformat(), "findings": findings}


def _told(found: dict[str, Any]) -> None:
    decision, rules = found["decision"], found["rules"]
    out.print(f"[bold]{found['licence_id']}[/]  {found['type']}")
    out.print(f"decided  {decision['organ']} {decision['number']}, {decision['decided_on']}, after {decision['legal_basis']}")
    out.print(f"by       {'the rule set ' + decision['by'] + ', no person' if rules else decision['by']}")
    if found["case"]["item"]:
        out.print(f"item     {found['case']['item']}")
    if found["case"]["bundle_no"]:
        out.print(f"bundle   {found['case']['bundle_no']}")
    for one in found["receipts"]:
        _asked(one)
    if rules:
        out.print(f"rules    {rules['rule_set']} ({rules['digest'][:12]}…) at {rules['at']}")
        for one in rules["findings"]:
            out.print(f"         {one['source']} {_WORDS[one['result']]}")
    if found["grant"]:
        most = found["grant"]["hourly_ceiling"]
        out.print(f"grant    of then: no person needed; {f'at most {most} of the type an hour' if most else 'no ceiling'}")
    if found["again"]:
        out.print(f"again    {found['again']}")
    _sources(found["fields"])
    for act in found["acts"]:
        _then(act)
    if found["erased"]:
        out.print("[yellow]what the decision rested on was erased; the entry still commits to it[/]")


def _then(act: dict[str, Any]) -> None:
    said = act["decision"]
    out.print(f"then     {act['act']} as entry {act['sequence']}: {said['organ']} {said['number']}, {said['decided_on']}, by {said['by']}")
    for one in act["receipts"]:
        _asked(one)
    if act["again"]:
        out.print(f"again    {act['again']}")
    _sources(act["fields"])


def _sources(fields: dict[str, Any]) -> None:
    for name, one in fields.items():
        out.print(f"field    {name}: from {one['source']}, as of {one['at']}")


def _asked(one: dict[str, Any]) -> None:
    out.print(
        f"asked    {one['source']}, by {one['by']}: {_WORDS[one['result']]} about {', '.join(one['about'])}, {one['answered_at']}, "
        f"answer {one['digest'][:12]}…{', number there ' + one['reference'] if one['reference'] else ''}",
        markup=False,
        soft_wrap=True,
    )
