"""The people of the desk: known by issuer and subject of the OpenID provider, each of one department, with roles from day to day.

Nothing is ever deleted: a role that ends keeps its row with its last day, a person who is removed keeps theirs. Names lie encrypted; the book and
the logs name a person by `person_id`, drawn at random.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.digests import canonical
from licence_service.duties import OF_AN_OFFICE, Right, Role, at_odds, rights_of
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.identifiers import is_uscc
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables_of_people import people, person_offices, person_roles, sessions

MOST_NAME, MOST_BY = 60, 80


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the desk, with the roles of one day.

    `office` is the sub-office where they work, None where that is the whole department; `within` are that office and those below it: of
    nothing else they may know, as a client of that office.
    """

    person_id: str
    department: str
    name: str = field(repr=False)
    roles: frozenset[Role] = frozenset()
    office: str | None = None
    within: tuple[str, ...] = ()

    @property
    def offices(self) -> tuple[str, ...] | None:
        """Return the offices whose licences this person may know of; None where it is all of the department, whatever the office."""
        return None if self.office is None else self.within

    @property
    def rights(self) -> frozenset[Right]:
        """Return what this person may do."""
        return rights_of(self.roles)


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a person holds from a day on, and to which; both days count."""

    role: Role
    first_on: date
    last_on: date | None
    given_by: str
    ended_by: str | None = None


class People:
    """The people, and their roles."""

    def __init__(self, database: Database, vault: Vault, within: Callable[[str, str], tuple[str, ...]]) -> None:
        """Take the database, the vault for names, and what says which offices lie within a department's office (`Keyring.within`)."""
        self._database = database
        self._vault = vault
        self._within = within

    def add(self, issuer: str, subject: str, name: str, department: str, by: str, now: datetime) -> str:
        """Add a person and return their id; `RequestRejected` where the same subject is known already, or something is no text."""
        faults = [Fault(path, "wrong-length", "a text of this length is wanted") for path, text, most in (
            ("issuer", issuer, 200), ("subject", subject, 255), ("name", name, MOST_NAME), ("by", by, MOST_BY)
        ) if not (1 <= len(text.strip()) <= most and text.isprintable())]  # fmt: skip
        if not is_uscc(department):
            faults.append(Fault("department", "bad-check-digit", "structure or check digit is not that of GB 32100"))
        if faults:
            raise RequestRejected(faults=faults)
        person_id = secrets.token_hex(13)
        said = {"name": name.strip(), "issuer": issuer, "subject": subject}
        row = {
            "person_id": person_id, "known_by": self._known_by(issuer, subject), "department": department,
            "sealed": self._vault.close_json(said, f"person:{person_id}"), "added_at": now, "added_by": by,
        }  # fmt: skip
        try:
            with self._database.write() as connection:
                connection.execute(insert(people).values(row))
        except IntegrityError as error:
            raise RequestRejected(faults=[Fault("subject", "known-already", "this subject of this issuer is a person already")]) from error
        return person_id

    def give(self, person_id: str, role: Role, first_on: date, last_on: date | None, by: str, now: datetime) -> None:
        """Give a role from a day on; `RequestRejected` where on any day another is held that nobody holds together with it (DOMAIN §2g)."""
        _must_name(by)
        if last_on is not None and last_on < first_on:
            raise RequestRejected(faults=[Fault("last_on", "before-start", "the last day lies before the first")])
        with self._database.write() as connection:
            key = _living_key(connection, person_id)
            meanwhile = [one for one in _held(connection, key) if _overlap(one, first_on, last_on)]
            if role not in OF_AN_OFFICE and _office(connection, key):
                raise RequestRejected(faults=[Fault("role", "of-the-department", "only people of the whole department hold this role")])
            if any(one.role is role for one in meanwhile):
                raise RequestRejected(faults=[Fault("role", "held-already", "this role is held in that time already")])
            if apart := at_odds(role, (one.role for one in meanwhile)):
                raise RequestRejected(
                    f"nobody holds {role} together with {', '.join(sorted(apart))}", faults=[Fault("role", "at-odds", "these are kept apart")]
                )
            row = {"person": key, "role": role.value, "first_on": first_on.isoformat(), "given_at": now, "given_by": by}
            connection.execute(insert(person_roles).values(**row, last_on=last_on.isoformat() if last_on else None))

    def end(self, person_id: str, role: Role, today: date, by: str, now: datetime) -> None:
        """End a role at once: yesterday becomes its last day."""
        _must_name(by)
        with self._database.write() as connection:
            key = _living_key(connection, person_id)
            mine = (person_roles.c.person == key) & (person_roles.c.role == role.value) & person_roles.c.ended_at.is_(None)
            open_now = mine & (person_roles.c.last_on.is_(None) | (person_roles.c.last_on >= today.isoformat()))
            values = {"last_on": (today - timedelta(days=1)).isoformat(), "ended_at": now, "ended_by": by}
            if connection.execute(update(person_roles).where(open_now).values(values)).rowcount == 0:
                raise NotInRegister("the person does not hold this role")

    def move(self, person_id: str, office: str | None, today: date, by: str, now: datetime) -> None:
        """Let a person work at a sub-office from now on, or with None for the whole department; every change stays on record.

        `NotInRegister` where their department has no such office; `RequestRejected` where they hold, or will hold, a role that no office has.
        """
        _must_name(by)
        with self._database.write() as connection:
            key = _living_key(connection, person_id)
            department = connection.execute(select(people.c.department).where(people.c.id == key)).scalar_one()
            if office is not None and not self._within(department, office):
                raise NotInRegister("no such office of this department")
            held = {one.role for one in _held(connection, key) if _overlap(one, today, None)} - OF_AN_OFFICE
            if office is not None and held:
                said = f"an office has no {', '.join(sorted(held))}: end that role first"
                raise RequestRejected(said, faults=[Fault("office", "of-the-department", "only people of the whole department hold this role")])
            connection.execute(insert(person_offices).values(person=key, office=office, set_at=now, set_by=by))

    def remove(self, person_id: str, by: str, now: datetime) -> None:
        """Shut a person out at once, whatever sessions there are; what they did stays."""
        _must_name(by)
        with self._database.write() as connection:
            key = _living_key(connection, person_id)
            connection.execute(update(people).where(people.c.id == key).values(removed_at=now, removed_by=by, known_by=None))
            connection.execute(delete(sessions).where(sessions.c.person == key))

    def known_by(self, issuer: str, subject: str, today: date) -> Person | None:
        """Return the person whom an OpenID provider calls this, or None."""
        with self._database.read() as connection:
            mine = people.c.known_by == self._known_by(issuer, subject)
            row = connection.execute(select(people).where(mine)).first()
            return self._person(connection, row, today) if row else None

    def named(self, person_id: str) -> str:
        """Return the name of somebody who is or was a person of the desk; the text itself where nobody was called that."""
        with self._database.read() as connection:
            row = connection.execute(select(people).where(people.c.person_id == person_id)).first()
        return self._name(row) if row else person_id

    def same(self, person_id: str, other_id: str) -> bool:
        """Say whether two ids are of one human: whom the same provider calls the same, be it under an id from before they were removed."""
        with self._database.read() as connection:
            rows = connection.execute(select(people).where(people.c.person_id.in_({person_id, other_id}))).all()
        subjects = [(said["issuer"], said["subject"]) for said in map(self._said, rows)]
        return len(rows) == len({person_id, other_id}) and len(set(subjects)) == 1

    def alike(self, one: str, other: str) -> bool:
        """Say whether two names in the record are of one human: ids of one subject, or an id and the name that a person is called at the command line."""
        one, other = one.strip(), other.strip()
        if one == other or self.same(one, other):
            return True
        names = {text: self.named(text) for text in (one, other)}
        ids = sum(names[text] != text for text in names)
        return ids == 1 and names[one] == names[other]

    def all(self, today: date) -> list[tuple[Person, Sequence[Held]]]:
        """Return everybody who is not removed, with all roles they hold, held, or will hold."""
        with self._database.read() as connection:
            rows = connection.execute(select(people).where(people.c.removed_at.is_(None)).order_by(people.c.id)).all()
            return [(self._person(connection, row, today), _held(connection, row.id)) for row in rows]

    def of_session(self, connection: Connection, key: int, today: date) -> Person | None:
        """Return the person of a row, unless removed; inside the transaction that found their session."""
        row = connection.execute(select(people).where((people.c.id == key) & people.c.removed_at.is_(None))).first()
        return self._person(connection, row, today) if row else None

    def _person(self, connection: Connection, row: Row[Any], today: date) -> Person:
        roles = frozenset(one.role for one in _held(connection, row.id) if _overlap(one, today, today))
        office = _office(connection, row.id)
        return Person(row.person_id, row.department, self._name(row), roles, office, self._within(row.department, office) if office else ())

    def _said(self, row: Row[Any]) -> Mapping[str, Any]:
        return self._vault.open_json(row.sealed, f"person:{row.person_id}")

    def _name(self, row: Row[Any]) -> str:
        return str(self._said(row)["name"])

    def _known_by(self, issuer: str, subject: str) -> str:
        return self._vault.blind("person", canonical([issuer, subject]).decode())


def _must_name(by: str) -> None:
    """Refuse what the record could not say of who did something: nothing, or no text of at most 80 characters."""
    if not (1 <= len(by.strip()) <= MOST_BY and by.isprintable()):
        raise RequestRejected(faults=[Fault("by", "wrong-length", f"say who, in 1 to {MOST_BY} characters")])


def _living_key(connection: Connection, person_id: str) -> int:
    """Return the key of a person who is not removed, locked to the end of the transaction."""
    mine = (people.c.person_id == person_id) & people.c.removed_at.is_(None)
    found = connection.execute(select(people.c.id).where(mine).with_for_update()).scalar_one_or_none()
    if found is None:
        raise NotInRegister("no such person")
    return int(found)


def _office(connection: Connection, key: int) -> str | None:
    newest = select(person_offices.c.office).where(person_offices.c.person == key).order_by(person_offices.c.id.desc()).limit(1)
    return connection.execute(newest).scalar_one_or_none()


def _held(connection: Connection, key: int) -> list[Held]:
    rows = connection.execute(select(person_roles).where(person_roles.c.person == key).order_by(person_roles.c.id)).all()
    return [
        Held(
            Role(row.role), date.fromisoformat(row.first_on), date.fromisoformat(row.last_on) if row.last_on else None, row.given_by, row.ended_by
        )
        for row in rows
    ]  # fmt: skip


def _overlap(one: Held, first: date, last: date | None) -> bool:
    """Say whether a role is held on any day from `first` to `last`; one that ended before its first day is held on none."""
    if one.last_on is not None and one.last_on < max(one.first_on, first):
        return False
    return last is None or one.first_on <= last
