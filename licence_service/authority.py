"""Who may see a licence, who may act on it, and who seals what comes of it.

Whatever a caller names is found through `found` or `found_by`, never read first and judged afterwards.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date

from licence_service.bodies import Body
from licence_service.errors import NotGranted, NotInRegister
from licence_service.licence import Act
from licence_service.line import Line
from licence_service.seal.department import Department
from licence_service.store.clients import READ, Client
from licence_service.store.concerning import Outline
from licence_service.store.record import Record

RECEIVING = frozenset({Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER})
ENDORSING = frozenset({Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT})


def found(line: Line, caller: Client, licence_id: str, today: date, doing: str = READ) -> Record:
    """Return a licence by its id if the caller may know of it; any other is as if it did not exist.

    Its row is asked first: of what cannot concern the caller nothing is read or opened, so that not even time tells it from an id that
    nobody was given (docs/access.md). Then as `visible`.
    """
    outline = line.book.outline(licence_id, caller.department, _endorsable(line, caller, today, doing))
    if outline is None or not _reaches(caller, outline):
        raise NotInRegister
    return visible(line, caller, line.book.get(licence_id), today, doing)


def found_by(line: Line, caller: Client, value: tuple[str, str], slug: str, today: date, doing: str = READ) -> list[Record]:
    """Return the licences of a type with a value (field, value) that the caller may know of and do this on; of no other anything is read."""
    outlines = line.book.outlines_by(*value, slug, caller.department, _endorsable(line, caller, today, doing))
    records = []
    for record in line.book.records([one.licence_id for one in outlines if _reaches(caller, one)]):
        with suppress(NotInRegister, NotGranted):  # whoever may not do it learns nothing of what there is
            records.append(visible(line, caller, record, today, doing))
    return records


def asserted_on(line: Line, body: Body, kind: str, licence_id: str, today: date) -> Record:
    """Return a licence by its id if a grant of today lets a body assert the kind on it (EN-04); any other is as if it did not exist.

    Its row is asked first, as in `found`; the region is that of its issuer of record (RULINGS 21).
    """

    def granted(slug: str, organs: Iterable[str]) -> bool:
        regions = {line.keyring.departments[one].region for one in organs if one in line.keyring.departments}
        return any(body.may("assert", kind, slug, region, (today,)) for region in regions)

    whose = line.book.of_whom(licence_id)
    if whose is None or not granted(*whose):
        raise NotInRegister
    record = line.book.get(licence_id)
    if not granted(record.type, [record.issuer(today)]):
        raise NotInRegister
    return record


def visible(line: Line, caller: Client, record: Record, today: date, doing: str = READ) -> Record:
    """Return the record if the caller's department may know of it; any other is as if it did not exist.

    It may if it issued the licence, is its issuer of record, or may take it over now; and to endorse it, not to read it, if it holds
    a grant to accept endorsements on its type. A sub-office may know of what it and those below it issued, and of nothing else.
    `NotGranted` where it may know of it, and its scopes lack what it is `doing`.
    """
    own = {record.department, record.issuer(today), *record.offered_to(today)}
    if not _reaches(caller, record) or not (caller.department in own or record.type in _endorsable(line, caller, today, doing)):
        raise NotInRegister
    if not caller.may(doing, record.type):
        raise NotGranted("the caller's scopes hold no such act on this type")
    return record


def _reaches(caller: Client, one: Record | Outline) -> bool:
    """Say whether types and offices of the caller let it know of such a licence; its department is another question."""
    return caller.may_touch(one.type) and caller.reaches(one.department, one.office)


def _endorsable(line: Line, caller: Client, today: date, doing: str) -> list[str]:
    """Return the types on which the caller's department, endorsing, holds any grant today to accept an endorsement (EN-04); its region is its own."""
    department = line.keyring.departments.get(caller.department)
    body = line.law.body(caller.department) if doing in ENDORSING and caller.office is None else None
    if department is None or body is None:
        return []
    used = (line.catalogue.in_force(slug, today) for slug, editions in line.catalogue.editions.items() if editions[0].used_from <= today)
    return [one.slug for one in used if any(body.may("accept", kind, one.slug, department.region, (today,)) for kind in one.endorsements)]


def may_accept(line: Line, uscc: str, kind: str, slug: str, days: tuple[date, ...]) -> bool:
    """Say whether a grant lets a department accept a kind; the region is its own (RULINGS 21)."""
    department = line.keyring.departments.get(uscc)
    return department is not None and line.law.may("accept", uscc, kind, slug, department.region, days)


def sealer(line: Line, caller: Client, record: Record, act: Act, today: date) -> Department:
    """Return the department whose seal this act takes; `NotGranted` where the caller may not enter it.

    The issuer of record seals, also what another county accepts (XR-01); only who takes a licence over seals it with its own.
    """
    issuer = record.issuer(today)
    if act in RECEIVING:
        if not any(entry.to_department == caller.department for entry in record.entries if entry.act is Act.TRANSFER):
            raise NotGranted("this licence was not released to the caller's department")
        return line.keyring.departments[caller.department if act is Act.ACCEPT_TRANSFER else issuer]
    if caller.department != issuer and act not in ENDORSING:
        raise NotGranted("only the issuer of record enters this act")
    return line.keyring.departments[issuer]
