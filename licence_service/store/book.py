"""The register: the one place where entries are written and read.

Entries are only inserted. No statement that changes or deletes one exists in this code, and triggers refuse it in
both databases. `licences`, `versions` and `lookups` are what searches need, written in the same transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.entry_form import private_of, written
from licence_service.errors import EntryConflict, NotInRegister, NumberTaken, ReportConsumed
from licence_service.fields import comparison_form
from licence_service.licence import Entry, beijing_day
from licence_service.store.cards import part_with
from licence_service.store.counting import next_line
from licence_service.store.database import Database
from licence_service.store.keys import Kind, add, ids_of, key_of, owners, settle
from licence_service.store.loading import load, load_pair, public_entry
from licence_service.store.lookups import Lookups
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import OVER, projected
from licence_service.store.record import Appendix, Opening, Record
from licence_service.store.reservation import fulfil
from licence_service.store.tables import consumed_reports, endorsement_refs, entries, licences, lookups, payloads, versions

# Statements are built once: building one costs more than running it.
_SO_FAR = (
    select(licences, entries.c.body, entries.c.sha256, entries.c.sm3)
    .join(entries, entries.c.licence == licences.c.id)
    .where(licences.c.licence_id == bindparam("licence_id"))
    .order_by(entries.c.sequence)
)
_ENTER, _ENTER_PAYLOAD, _ENTER_VERSION, _ENTER_LOOKUP, _ENTER_REF = map(insert, (entries, payloads, versions, lookups, endorsement_refs))
_LOOKUPS = select(lookups.c.name, lookups.c.blind).where(lookups.c.licence == bindparam("licence"))
_PROJECT = update(licences).where(licences.c.id == bindparam("row"))
_LIVING = select(licences.c.id, licences.c.licence_id).where(licences.c.id.in_(owners()), licences.c.live_key == bindparam("live_key"))
_LAST = select(entries.c.id, entries.c.recorded_at).order_by(entries.c.recorded_at.desc()).limit(1)


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
        beside, dead = appendix or Appendix(), None
        while True:
            try:
                return self._appended(entry, beside, dead)
            except _InTheWay as met:
                # Judged before the book is held again: judging reads the law, for which those who wait for the book may leave no connection.
                if not (beside.opening and beside.opening.may_replace(met.record)):
                    raise NumberTaken from None
                dead = met.record

    def _appended(self, entry: Entry, beside: Appendix, dead: Record | None) -> Entry:
        """Enter the line; `dead` is the licence that may give up its number to this one, as it was judged."""
        try:
            with self._database.write() as connection:
                place, recorded_at = next_line(connection, self._now())
                settle(connection, place)
                row, before = self._licence_row(connection, entry, beside.opening, dead)
                stamped, body = written(entry, recorded_at, before[-1].digest.sha256 if before and before[-1].digest else "")
                self._insert(connection, row["id"], stamped, body, place)
                if stamped.version:
                    self._insert_version(connection, row["id"], stamped, beside)
                if beside.external_ref:
                    self._insert_ref(connection, row["id"], stamped, beside.external_ref)
                if beside.report:
                    self._consume(connection, row["id"], stamped, beside.report)
                self._project(connection, row, (*before, stamped), beside)
                if beside.reservation_id:
                    fulfil(connection, self._vault, {beside.reservation_id: stamped.sequence})
                return stamped
        except IntegrityError as error:
            raise EntryConflict from error

    def _licence_row(
        self, connection: Connection, entry: Entry, opening: Opening | None, dead: Record | None
    ) -> tuple[dict[str, Any], list[Entry]]:  # fmt: skip
        """Find the row of the licence and its entries so far, without their private parts; or open it with its first entry."""
        lines = connection.execute(_SO_FAR, {"licence_id": entry.licence_id}).mappings().all()
        if lines:
            head = lines[-1]["head"]
            if opening is not None or entry.sequence != head + 1:
                raise EntryConflict(facts={"licence_id": entry.licence_id, "head": str(head)})
            return dict(lines[-1]), [public_entry(line["body"], line["sha256"], line["sm3"]) for line in lines]
        if opening is None or entry.version is None or entry.sequence != 1:
            raise NotInRegister
        key = self._vault.blind("live", opening.live_key)
        self._make_room(connection, key, dead)
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
        add(connection, [(key_of(Kind.LIVE, key), key_of_row)])
        return {"id": key_of_row, "department": opening.department, "live_key": key}, []

    @staticmethod
    def _parent(connection: Connection, entry: Entry) -> int | None:
        """Return the row of the licence that a new one hangs on."""
        if entry.parent is None:
            return None
        parent = connection.execute(select(licences.c.id).where(licences.c.licence_id == entry.parent.licence_id)).scalar_one_or_none()
        if parent is None:
            raise NotInRegister("the parent is not in the register")
        return int(parent)

    def _make_room(self, connection: Connection, key: str, dead: Record | None) -> None:
        """One live right per type, number and issuer: an earlier one must be dead, as the registrar judged it when it had these entries."""
        earlier = _living(connection, key)
        if earlier is None:
            return
        record = self._record(connection, earlier.licence_id)
        if dead is None or (dead.licence_id, dead.entries, dead.parent) != (record.licence_id, record.entries, record.parent):
            raise _InTheWay(record)
        connection.execute(update(licences).where(licences.c.id == earlier.id).values(live_key=None))

    def _insert(self, connection: Connection, licence: int, entry: Entry, body: bytes, place: int) -> None:
        assert entry.digest  # noqa: S101 - stamped entries carry their digest
        line = {
            "licence": licence,
            "sequence": entry.sequence,
            "act": entry.act.value,
            "effective_on": entry.effective_on.isoformat(),
            "recorded_at": entry.recorded_at,
            "body": body.decode(),
            "sha256": entry.digest.sha256,
            "sm3": entry.digest.sm3,
            "place": place,
        }
        made = connection.execute(_ENTER, line)
        key = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        sealed = self._vault.close_json(private_of(entry), f"entry:{entry.licence_id}:{entry.sequence}")
        connection.execute(_ENTER_PAYLOAD, {"entry": key, "sealed": sealed})

    def _insert_version(self, connection: Connection, licence: int, entry: Entry, beside: Appendix) -> None:
        version = entry.version
        assert version  # noqa: S101
        line: dict[str, Any] = {
            "licence": licence,
            "version": version.version,
            "elicence_id": version.elicence_id,
            "document_sha256": version.document.sha256,
            "check_digest": version.check_code_digest,
            "delivery_digest": token_digest(beside.delivery_code or ""),
            "status_list": version.status[0],
            "status_index": version.status[1],
        }
        if ids_of(connection, Kind.DOCUMENT, [version.document.sha256]):
            raise EntryConflict("this document is in the register already")
        made = connection.execute(_ENTER_VERSION, line)
        row = made.inserted_primary_key[0] if made.inserted_primary_key else 0
        blinds = {(name, self._vault.blind(name, comparison_form(value))) for name, value in beside.searchable.items()}
        present = {(name, blind) for name, blind in connection.execute(_LOOKUPS, {"licence": licence})} if entry.sequence > 1 else set()
        if entry.sequence > 1 and entry.recorded_at:
            part_with(connection, {licence: dict(blinds)["holder"]} if "holder" in beside.searchable else {}, entry.recorded_at)
        if missing := [{"licence": licence, "name": name, "blind": blind} for name, blind in sorted(blinds - present)]:
            connection.execute(_ENTER_LOOKUP, missing)
        keys = [(key_of(Kind.DOCUMENT, line["document_sha256"]), row), (key_of(Kind.DELIVERY, line["delivery_digest"]), row)]
        add(connection, keys + [(key_of(Kind.VALUE, str(one["blind"])), licence) for one in missing])

    @staticmethod
    def _insert_ref(connection: Connection, licence: int, entry: Entry, ref: tuple[str, str, str]) -> None:
        asserter, external_ref, digest = ref
        line = {"asserter": asserter, "external_ref": external_ref, "request_digest": digest, "licence": licence, "sequence": entry.sequence}
        connection.execute(_ENTER_REF, line)

    @staticmethod
    def _consume(connection: Connection, licence: int, entry: Entry, report: tuple[str, str]) -> None:
        """Consume an inspection report once (XR-02)."""
        station, number = report
        # A clerk who writes down a report himself names no station: on one licence a number serves once, whoever brings it.
        same = (consumed_reports.c.station == station) | (consumed_reports.c.licence == licence)
        used = same & (consumed_reports.c.report_no == number)
        if connection.execute(select(consumed_reports.c.station).where(used)).first():
            raise ReportConsumed(facts={"rule": "XR-02"})
        connection.execute(insert(consumed_reports).values(station=station, report_no=number, licence=licence, sequence=entry.sequence))

    def _project(self, connection: Connection, row: dict[str, Any], lines: Sequence[Entry], beside: Appendix) -> None:
        """Keep the row of the licence equal to the fold of its entries; a right that is over frees its number, one that comes back takes it."""
        after, values = projected(lines, beijing_day(self._now()), row["department"])
        if after.state in OVER:
            values["live_key"] = None  # an ending that lies ahead does not free the number yet
        elif beside.live_key and (key := self._vault.blind("live", beside.live_key)) != row["live_key"]:
            if _living(connection, key):
                raise NumberTaken
            values["live_key"] = key
            add(connection, [(key_of(Kind.LIVE, key), row["id"])])
        if beside.live_key or beside.opening:
            values["due_on"] = beside.due_on.isoformat() if beside.due_on else None
        changed = {name: value for name, value in values.items() if name not in row or row[name] != value}  # an index is written for each column
        connection.execute(_PROJECT, {"row": row["id"], **changed})

    # -- reading -----------------------------------------------------------------------------------

    def get(self, licence_id: str) -> Record:
        """Return a licence's record, or `NotInRegister`."""
        with self._database.read() as connection:
            return self._record(connection, licence_id)

    def of_pair(self, number: str, check_code: str) -> tuple[Record, int] | None:
        """Return the record and the version of a pair that belongs together, in comparison form or not; one query, whatever is wrong with it."""
        blind = self._vault.blind("number", comparison_form(number))
        with self._database.read() as connection:
            return load_pair(connection, self._vault, blind, token_digest(check_code))

    def records(self, licence_ids: Sequence[str]) -> list[Record]:
        """Return the records of several licences, in the given order, by two queries in all."""
        with self._database.read() as connection:
            return load(connection, self._vault, licence_ids)

    def _record(self, connection: Connection, licence_id: str) -> Record:
        records = load(connection, self._vault, [licence_id])
        if not records:
            raise NotInRegister
        return records[0]

    def living(self, live_key: str) -> Record | None:
        """Return the licence that holds this type, number and issuer, if one does."""
        with self._database.read() as connection:
            holder = _living(connection, self._vault.blind("live", live_key))
            return self._record(connection, holder.licence_id) if holder else None

    def places(self, licence_id: str) -> list[int]:
        """Return the places of a licence's entries over the whole book, in their order."""
        mine = select(entries.c.place).join(licences, licences.c.id == entries.c.licence).where(licences.c.licence_id == licence_id)
        with self._database.read() as connection:
            return [int(place) for place in connection.execute(mine.order_by(entries.c.sequence)).scalars()]

    def head(self) -> tuple[int, datetime | None]:
        """Return the number of the book's last entry and when it was recorded."""
        with self._database.read() as connection:
            row = connection.execute(_LAST).first()
        return (row.id, row.recorded_at) if row else (0, None)

    def all_ids(self) -> Iterable[str]:
        """Return every licence id, in the order of opening."""
        with self._database.read() as connection:
            return list(connection.execute(select(licences.c.licence_id).order_by(licences.c.id)).scalars())


class _InTheWay(Exception):  # noqa: N818
    """A licence holds the number, and nobody judged it as it stands."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.licence_id)
        self.record = record


def _living(connection: Connection, live_key: str) -> Any:  # noqa: ANN401 - a row
    """Return id and licence id of the licence that holds a number (blinded); None where none does."""
    return connection.execute(_LIVING, {"key": key_of(Kind.LIVE, live_key), "live_key": live_key}).first()
