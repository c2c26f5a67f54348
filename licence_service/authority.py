"""Who may see a licence, who may act on it, and who seals what comes of it."""

from datetime import date

from licence_service.errors import NotGranted, NotInRegister
from licence_service.licence import Act
from licence_service.line import Line
from licence_service.seal.department import Department
from licence_service.store.clients import READ, Client
from licence_service.store.record import Record

RECEIVING = frozenset({Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER})
ENDORSING = frozenset({Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT})


def visible(line: Line, caller: Client, record: Record, today: date, doing: str = READ) -> Record:
    """Return the record if the caller's department may know of it; any other is as if it did not exist.

    It may if it issued the licence, is its issuer of record, or may take it over now; and to endorse it, not to read it, if it holds
    a grant to accept endorsements on its type. A sub-office may know of what it and those below it issued, and of nothing else.
    `NotGranted` where it may know of it, and its scopes lack what it is `doing`.
    """
    offered = record.offered_to(today)
    own = {record.department, record.issuer(today), *offered}
    endorsing = doing in ENDORSING and caller.office is None
    if not caller.may_touch(record.type) or not (caller.department in own or (endorsing and accepts_here(line, caller.department, record, today))):
        raise NotInRegister
    if caller.offices is not None and (record.office not in caller.offices or caller.department != record.department):
        raise NotInRegister
    if not caller.may(doing, record.type):
        raise NotGranted("the caller's scopes hold no such act on this type")
    return record


def accepts_here(line: Line, uscc: str, record: Record, today: date) -> bool:
    """Say whether a department holds any grant today to accept an endorsement on licences of this type (EN-04)."""
    kinds = line.catalogue.in_force(record.type, today).endorsements
    return any(may_accept(line, uscc, kind, record.type, (today,)) for kind in kinds)


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
