"""Entering lines again that the book had once: to the byte, in their place, at their recorded time, under their signed head.

Only for a register that was restored from a backup. What is entered was proved by the head before; nothing is stamped anew.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from licence_service.digests import digests
from licence_service.errors import NotInRegister, RequestRejected
from licence_service.fields import comparison_form
from licence_service.licence import Entry, Version, beijing_day
from licence_service.store.counting import BOOK, hold, raise_to
from licence_service.store.database import Database
from licence_service.store.foreign_readings import pass_over
from licence_service.store.heads import StoredHead
from licence_service.store.keys import Kind, add, ids_of, key_of
from licence_service.store.loading import public_entries
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import OVER, projected
from licence_service.store.reservations import STATUS
from licence_service.store.status_index import place as status_place
from licence_service.store.tables import (
    consumed_reports,
    counters,
    endorsement_refs,
    entries,
    foundations,
    heads,
    licences,
    lookups,
    payloads,
    versions,
)

MOST_SKIPPED = 100_000  # running numbers of status places that may have been drawn and never entered


@dataclass(frozen=True, slots=True)
class Again:
    """A line to be entered again, with what could be found beside it. A foundation has no `entry`.

    `opening` is the type and issuing department of a licence's first entry; `private` what lay encrypted, as far as it is known.
    """

    place: int
    body: str = field(repr=False)
    said: Mapping[str, Any] = field(repr=False)
    entry: Entry | None
    private: Mapping[str, Any] = field(repr=False)
    searchable: Mapping[str, str] = field(default_factory=dict, repr=False)
    opening: tuple[str, str] | None = None


class Reentry:
    """The way back into the book."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for private parts."""
        self._database = database
        self._vault = vault

    def last_place(self) -> int:
        """Return the place of the book's last line."""
        with self._database.read() as connection:
            return max(connection.execute(select(func.max(table.c.place))).scalar_one() or 0 for table in (entries, foundations))

    def type_of(self, licence_id: str) -> str | None:
        """Return the type of a licence that is in the book."""
        with self._database.read() as connection:
            return connection.execute(select(licences.c.type).where(licences.c.licence_id == licence_id)).scalar_one_or_none()

    def enter(self, lines: Sequence[Again], head: StoredHead) -> None:
        """Enter the lines that one head covers, and the head, in one transaction: all or nothing."""
        with self._database.write() as connection:
            for line in lines:
                if line.entry:
                    self._entry(connection, line, line.entry)
                else:
                    _foundation(connection, line)
                raise_to(connection, BOOK, line.place)
            self._after(connection, [line.entry for line in lines if line.entry])
            connection.execute(insert(heads).values(asdict(head)))

    def take_number(self, licence_id: str, live_key: str) -> None:
        """Let a right that is not over hold its number again; an earlier one that still does gives it up, as it did then."""
        key = self._vault.blind("live", live_key)
        with self._database.write() as connection:
            hold(connection, BOOK)
            row = connection.execute(select(licences).where(licences.c.licence_id == licence_id)).mappings().one()
            lines = public_entries(connection, row["id"])
            if row["live_key"] == key or projected(lines, _day(lines[-1]), row["department"])[0].state in OVER:
                return
            if holder := ids_of(connection, Kind.LIVE, [key]):
                connection.execute(update(licences).where(licences.c.id == holder[key]).values(live_key=None))
            connection.execute(update(licences).where(licences.c.id == row["id"]).values(live_key=key))
            add(connection, [(key_of(Kind.LIVE, key), row["id"])])

    def _entry(self, connection: Connection, line: Again, entry: Entry) -> None:
        licence = self._licence(connection, line, entry)
        digest = digests(line.body.encode())
        made = connection.execute(
            insert(entries).values(
                licence=licence,
                sequence=entry.sequence,
                act=entry.act.value,
                effective_on=entry.effective_on.isoformat(),
                recorded_at=entry.recorded_at,
                body=line.body,
                sha256=digest.sha256,
                sm3=digest.sm3,
                place=line.place,
            )  # fmt: skip
        )
        key = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        sealed = self._vault.close_json(line.private, f"entry:{entry.licence_id}:{entry.sequence}")
        connection.execute(insert(payloads).values(entry=key, sealed=sealed))
        if entry.version:
            self._version(connection, licence, _version(entry.version))
        for name, value in line.searchable.items():
            row: dict[str, Any] = {"licence": licence, "name": name, "blind": self._vault.blind(name, comparison_form(value))}
            same = (lookups.c.licence == licence) & (lookups.c.name == name) & (lookups.c.blind == row["blind"])
            if not connection.execute(select(lookups.c.licence).where(same)).first():
                connection.execute(insert(lookups).values(row))
                add(connection, [(key_of(Kind.VALUE, row["blind"]), licence)])
        self._references(connection, licence, entry)
        self._report(connection, licence, entry)

    @staticmethod
    def _version(connection: Connection, licence: int, row: dict[str, Any]) -> None:
        if ids_of(connection, Kind.DOCUMENT, [row["document_sha256"]]):
            raise RequestRejected("a document of a line beyond the backup is in the register already")
        number = connection.execute(insert(versions).values(licence=licence, **row).returning(versions.c.id)).scalar_one()
        pass_over(connection, number)  # what its page was drawn from is not all known any more
        add(connection, [(key_of(Kind.DOCUMENT, row["document_sha256"]), number), (key_of(Kind.DELIVERY, row["delivery_digest"]), number)])

    @staticmethod
    def _licence(connection: Connection, line: Again, entry: Entry) -> int:
        found = connection.execute(select(licences.c.id).where(licences.c.licence_id == entry.licence_id)).scalar_one_or_none()
        if found is not None:
            return int(found)
        if line.opening is None or entry.version is None:
            raise NotInRegister("a line beyond the backup is on a licence that nothing opened")
        parent = None
        if entry.parent:
            parent = connection.execute(select(licences.c.id).where(licences.c.licence_id == entry.parent.licence_id)).scalar_one_or_none()
        made = connection.execute(
            insert(licences).values(
                licence_id=entry.licence_id,
                type=line.opening[0],
                department=line.opening[1],
                issuer=line.opening[1],
                head=0,
                current_version=0,
                valid_from=entry.version.valid_from.isoformat(),
                parent=parent,
            )  # fmt: skip
        )
        return made.inserted_primary_key[0] if made.inserted_primary_key else 0

    @staticmethod
    def _references(connection: Connection, licence: int, entry: Entry) -> None:
        """Keep external references taken: what was asked under them is not known any more, so that a repetition is a conflict."""
        for one in entry.endorsements:
            scope = one.asserter if one.asserter_signature else one.accepter or entry.department or one.asserter
            asserter = f"{scope}/{one.asserter}"
            same = (endorsement_refs.c.asserter == asserter) & (endorsement_refs.c.external_ref == one.external_ref)
            if one.external_ref and not connection.execute(select(endorsement_refs.c.licence).where(same)).first():
                values = {"asserter": asserter, "external_ref": one.external_ref, "request_digest": "0" * 64}
                connection.execute(insert(endorsement_refs).values(**values, licence=licence, sequence=entry.sequence))

    @staticmethod
    def _report(connection: Connection, licence: int, entry: Entry) -> None:
        """Keep the inspection report of a review used (XR-02): its endorsement's reference is station and number."""
        station = entry.organs.get("inspecting_station")
        for one in entry.endorsements if station else ():
            number = (one.external_ref or "").removeprefix(f"{station}/")
            connection.execute(insert(consumed_reports).values(station=station, report_no=number, licence=licence, sequence=entry.sequence))

    def _after(self, connection: Connection, entered: Sequence[Entry]) -> None:
        """Bring the rows of the licences up to their entries, and the running number of status places behind those in use."""
        for licence_id in {one.licence_id for one in entered}:
            row = connection.execute(select(licences).where(licences.c.licence_id == licence_id)).mappings().one()
            lines = public_entries(connection, row["id"])
            after, values = projected(lines, _day(lines[-1]), row["department"])
            if after.state in OVER:
                values["live_key"] = None
            connection.execute(update(licences).where(licences.c.id == row["id"]).values(values))
        used = {one.version.status for one in entered if one.version}
        number = connection.execute(select(counters.c.value).where(counters.c.name == STATUS)).scalar_one_or_none() or 0
        for candidate in range(number + 1, number + MOST_SKIPPED):
            if not used:
                break
            if status_place(candidate, self._vault.permutation_key) in used:
                used.remove(status_place(candidate, self._vault.permutation_key))
                raise_to(connection, STATUS, candidate)


def _foundation(connection: Connection, line: Again) -> None:
    try:
        values = {"kind": line.said["kind"], "name": line.said["name"], "recorded_at": datetime.fromisoformat(line.said["recorded_at"])}
    except (KeyError, ValueError, TypeError) as bad:
        raise RequestRejected(f"line {line.place} beyond the backup is not one that this release reads") from bad
    connection.execute(insert(foundations).values(**values, place=line.place, body=line.body, sha256=digests(line.body.encode()).sha256))


def _version(version: Version) -> dict[str, Any]:
    """Return the row of a version; the delivery code is lost, so its digest is one that no code has."""
    return {
        "version": version.version, "elicence_id": version.elicence_id, "document_sha256": version.document.sha256,
        "check_digest": version.check_code_digest, "delivery_digest": token_digest(secrets.token_hex(32)),
        "status_list": version.status[0], "status_index": version.status[1],
    }  # fmt: skip


def _day(entry: Entry) -> date:
    return beijing_day(entry.recorded_at) if entry.recorded_at else entry.effective_on
