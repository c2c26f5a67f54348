"""The register: the one place where entries are written and read.

Entries are only inserted. No statement that changes or deletes one exists in this code, and triggers refuse it in
both databases. `licences`, `versions` and `lookups` are what searches need, written in the same transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.digests import canonical
from licence_service.entry_form import body_of, private_of, stamped
from licence_service.errors import EntryConflict, NotInRegister, NumberTaken, ReportConsumed
from licence_service.fields import comparison_form
from licence_service.licence import Entry, beijing_day
from licence_service.store.counting import next_line
from licence_service.store.database import Database
from licence_service.store.loading import load, public_entries
from licence_service.store.lookups import Lookups
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import OVER, projected
from licence_service.store.record import Appendix, Opening, Record
from licence_service.store.tables import consumed_reports, endorsement_refs, entries, licences, lookups, payloads, reservations, versions


class Book(Lookups):
    """The register of one service: what `Lookups` finds, and the writing."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for private parts, and the clock that stamps entries."""
        super().__init__(database, vault)
        self._now = now

    # -- writing -----------------------------------------------------------------------------------

    def append(self, entry: Entry, appendix: Appendix | None = None) -> Entry:
        """Enter one line (short transaction 2) and return it with its recorded time and digests.

        The key is `(licence, sequence)`: who comes second gets `EntryConflict` and nothing of its act is visible.
        """
        beside = appendix or Appendix()
        try:
            with self._database.write() as connection:
                place, recorded_at = next_line(connection, self._now())
                row = self._licence_row(connection, entry, beside.opening)
                written = stamped(entry, recorded_at, row["previous"])
                self._insert(connection, row["id"], written, place)
                if written.version:
                    self._insert_version(connection, row["id"], written, beside)
                if beside.external_ref:
                    self._insert_ref(connection, row["id"], written, beside.external_ref)
                if beside.report:
                    self._consume(connection, row["id"], written, beside.report)
                self._project(connection, row, beside)
                if beside.reservation_id:
                    self._fulfil(connection, beside.reservation_id, written.sequence)
                return written
        except IntegrityError as error:
            raise EntryConflict from error

    def _licence_row(self, connection: Connection, entry: Entry, opening: Opening | None) -> dict[str, Any]:
        """Find the licence, or open it with its first entry."""
        found = connection.execute(select(licences).where(licences.c.licence_id == entry.licence_id)).mappings().first()
        if found:
            if opening is not None or entry.sequence != found["head"] + 1:
                raise EntryConflict(facts={"licence_id": entry.licence_id, "head": str(found["head"])})
            last = select(entries.c.sha256).where(entries.c.licence == found["id"], entries.c.sequence == found["head"])
            return {**found, "previous": connection.execute(last).scalar_one()}
        if opening is None or entry.version is None or entry.sequence != 1:
            raise NotInRegister
        key = self._vault.blind("live", opening.live_key)
        self._make_room(connection, key, opening)
        made = connection.execute(
            insert(licences).values(
                licence_id=entry.licence_id,
                type=opening.type,
                department=opening.department,
                live_key=key,
                issuer=opening.department,
                parent=self._parent(connection, entry),
                head=0,
                current_version=0,
                valid_from=entry.version.valid_from.isoformat(),
            )  # fmt: skip
        )
        key_of_row = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        return {"id": key_of_row, "licence_id": entry.licence_id, "department": opening.department, "live_key": key, "previous": ""}

    @staticmethod
    def _parent(connection: Connection, entry: Entry) -> int | None:
        """Return the row of the licence that a new one hangs on."""
        if entry.parent is None:
            return None
        found = connection.execute(select(licences.c.id).where(licences.c.licence_id == entry.parent.licence_id)).scalar_one_or_none()
        if found is None:
            raise NotInRegister("the parent is not in the register")
        return int(found)

    def _make_room(self, connection: Connection, key: str, opening: Opening) -> None:
        """One live right per type, number and issuer: an earlier one must be dead, as the registrar judges."""
        earlier = connection.execute(select(licences.c.id, licences.c.licence_id).where(licences.c.live_key == key)).first()
        if earlier is None:
            return
        if not opening.may_replace(self._record(connection, earlier.licence_id)):
            raise NumberTaken
        connection.execute(update(licences).where(licences.c.id == earlier.id).values(live_key=None))

    def _insert(self, connection: Connection, licence: int, entry: Entry, place: int) -> None:
        assert entry.digest  # noqa: S101 - stamped entries carry their digest
        made = connection.execute(
            insert(entries).values(
                licence=licence,
                sequence=entry.sequence,
                act=entry.act.value,
                effective_on=entry.effective_on.isoformat(),
                recorded_at=entry.recorded_at,
                body=canonical(body_of(entry)).decode(),
                sha256=entry.digest.sha256,
                sm3=entry.digest.sm3,
                place=place,
            )  # fmt: skip
        )
        key = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        sealed = self._vault.close_json(private_of(entry), f"entry:{entry.licence_id}:{entry.sequence}")
        connection.execute(insert(payloads).values(entry=key, sealed=sealed))

    def _insert_version(self, connection: Connection, licence: int, entry: Entry, beside: Appendix) -> None:
        version = entry.version
        assert version  # noqa: S101
        connection.execute(
            insert(versions).values(
                licence=licence,
                version=version.version,
                elicence_id=version.elicence_id,
                document_sha256=version.document.sha256,
                check_digest=version.check_code_digest,
                delivery_digest=token_digest(beside.delivery_code or ""),
                status_list=version.status[0],
                status_index=version.status[1],
            )  # fmt: skip
        )
        for name, value in beside.searchable.items():
            row = {"licence": licence, "name": name, "blind": self._vault.blind(name, comparison_form(value))}
            same = (lookups.c.licence == licence) & (lookups.c.name == name) & (lookups.c.blind == row["blind"])
            if not connection.execute(select(lookups.c.licence).where(same)).first():
                connection.execute(insert(lookups).values(row))

    @staticmethod
    def _insert_ref(connection: Connection, licence: int, entry: Entry, ref: tuple[str, str, str]) -> None:
        asserter, external_ref, digest = ref
        connection.execute(
            insert(endorsement_refs).values(
                asserter=asserter, external_ref=external_ref, request_digest=digest, licence=licence, sequence=entry.sequence
            )
        )

    @staticmethod
    def _consume(connection: Connection, licence: int, entry: Entry, report: tuple[str, str]) -> None:
        """Consume an inspection report once (XR-02)."""
        station, number = report
        used = (consumed_reports.c.station == station) & (consumed_reports.c.report_no == number)
        if connection.execute(select(consumed_reports.c.station).where(used)).first():
            raise ReportConsumed(facts={"rule": "XR-02"})
        connection.execute(insert(consumed_reports).values(station=station, report_no=number, licence=licence, sequence=entry.sequence))

    def _project(self, connection: Connection, row: dict[str, Any], beside: Appendix) -> None:
        """Keep the row of the licence equal to the fold of its entries; a right that is over frees its number, one that comes back takes it."""
        after, values = projected(public_entries(connection, row["id"]), beijing_day(self._now()), row["department"])
        if after.state in OVER:
            values["live_key"] = None  # an ending that lies ahead does not free the number yet
        elif beside.live_key and (key := self._vault.blind("live", beside.live_key)) != row["live_key"]:
            if connection.execute(select(licences.c.id).where(licences.c.live_key == key)).first():
                raise NumberTaken
            values["live_key"] = key
        if beside.live_key or beside.opening:
            values["due_on"] = beside.due_on.isoformat() if beside.due_on else None
        connection.execute(update(licences).where(licences.c.id == row["id"]).values(values))

    def _fulfil(self, connection: Connection, reservation_id: str, sequence: int) -> None:
        """Close the reservation, keeping only what a repeated answer needs: faces and officers now lie with the entry alone."""
        mine = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved")
        sealed = connection.execute(select(reservations.c.content).where(mine)).scalar_one_or_none()
        if sealed is None:
            raise EntryConflict("this reservation was carried to its end by another")
        row = f"reservation:{reservation_id}"
        kept = {name: value for name, value in self._vault.open_json(sealed, row).items() if name not in {"body", "private"}}
        values = {"state": "entered", "sequence": sequence, "content": self._vault.close_json(kept, row)}
        if connection.execute(update(reservations).where(mine).values(values)).rowcount != 1:
            raise EntryConflict("this reservation was carried to its end by another")

    # -- reading -----------------------------------------------------------------------------------

    def get(self, licence_id: str) -> Record:
        """Return a licence's record, or `NotInRegister`."""
        with self._database.read() as connection:
            return self._record(connection, licence_id)

    def records(self, licence_ids: Sequence[str]) -> list[Record]:
        """Return the records of several licences, in the given order, by two queries in all."""
        with self._database.read() as connection:
            return load(connection, self._vault, licence_ids)

    def _record(self, connection: Connection, licence_id: str) -> Record:
        found = load(connection, self._vault, [licence_id])
        if not found:
            raise NotInRegister
        return found[0]

    def living(self, live_key: str) -> Record | None:
        """Return the licence that holds this type, number and issuer, if one does."""
        with self._database.read() as connection:
            key = self._vault.blind("live", live_key)
            found = connection.execute(select(licences.c.licence_id).where(licences.c.live_key == key)).scalar_one_or_none()
            return self._record(connection, found) if found else None

    def places(self, licence_id: str) -> list[int]:
        """Return the places of a licence's entries over the whole book, in their order."""
        mine = select(entries.c.place).join(licences, licences.c.id == entries.c.licence).where(licences.c.licence_id == licence_id)
        with self._database.read() as connection:
            return [int(place) for place in connection.execute(mine.order_by(entries.c.sequence)).scalars()]

    def head(self) -> tuple[int, datetime | None]:
        """Return the number of the book's last entry and when it was recorded."""
        with self._database.read() as connection:
            row = connection.execute(select(entries.c.id, entries.c.recorded_at).order_by(entries.c.recorded_at.desc()).limit(1)).first()
        return (row.id, row.recorded_at) if row else (0, None)

    def all_ids(self) -> Iterable[str]:
        """Return every licence id, in the order of opening."""
        with self._database.read() as connection:
            return list(connection.execute(select(licences.c.licence_id).order_by(licences.c.id)).scalars())
