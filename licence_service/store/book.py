"""The register: the one place where entries are written and read.

Entries are only inserted. No statement that changes or deletes one exists in this code, and triggers refuse it in
both databases. `licences`, `versions` and `lookups` are what searches need, written in the same transaction.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.digests import Digests, canonical
from licence_service.entry_form import body_of, entry_of, private_of, stamped
from licence_service.errors import EntryConflict, KeyReused, NotInRegister, NumberTaken
from licence_service.fields import comparison_form
from licence_service.licence import Entry, LicenceState, beijing_day, fold
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.record import Appendix, Opening, Record
from licence_service.store.tables import endorsement_refs, entries, licences, lookups, payloads, reservations, versions

OVER = frozenset({LicenceState.REVOKED, LicenceState.CANCELLED})
_TICK = timedelta(microseconds=1)


class Book:
    """The register of one service."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for private parts, and the clock that stamps entries."""
        self._database = database
        self._vault = vault
        self._now = now

    # -- writing -----------------------------------------------------------------------------------

    def append(self, entry: Entry, appendix: Appendix | None = None) -> Entry:
        """Enter one line (short transaction 2) and return it with its recorded time and digests.

        The key is `(licence, sequence)`: who comes second gets `EntryConflict` and nothing of its act is visible.
        """
        beside = appendix or Appendix()
        try:
            with self._database.write() as connection:
                recorded_at = self._tick(connection)
                row = self._licence_row(connection, entry, beside.opening)
                written = stamped(entry, recorded_at, row["previous"])
                self._insert(connection, row["id"], written)
                if written.version:
                    self._insert_version(connection, row["id"], written, beside)
                if beside.external_ref:
                    self._insert_ref(connection, row["id"], written, beside.external_ref)
                self._project(connection, row["id"], written)
                if beside.reservation_id:
                    self._fulfil(connection, beside.reservation_id, written.sequence)
                return written
        except IntegrityError as error:
            raise EntryConflict from error

    def _tick(self, connection: Connection) -> datetime:
        """Return now, or the first instant after the last entry of the book; locks the book's clock until the commit."""
        hold(connection, "recorded_at")
        last = connection.execute(select(entries.c.recorded_at).order_by(entries.c.recorded_at.desc()).limit(1)).scalar_one_or_none()
        now = self._now()
        return max(now, last + _TICK) if last else now

    def _licence_row(self, connection: Connection, entry: Entry, opening: Opening | None) -> dict[str, Any]:
        """Find the licence, or open it with its first entry."""
        found = connection.execute(select(licences).where(licences.c.licence_id == entry.licence_id)).mappings().first()
        if found:
            if opening is not None or entry.sequence != found["head"] + 1:
                raise EntryConflict(facts={"licence_id": entry.licence_id, "head": str(found["head"])})
            last = select(entries.c.sha256).where(entries.c.licence == found["id"], entries.c.sequence == found["head"])
            return {"id": found["id"], "previous": connection.execute(last).scalar_one()}
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
                head=0,
                current_version=0,
                valid_from=entry.version.valid_from.isoformat(),
            )  # fmt: skip
        )
        return {"id": made.inserted_primary_key[0] if made.inserted_primary_key else 0, "previous": ""}

    def _make_room(self, connection: Connection, key: str, opening: Opening) -> None:
        """One live right per type, number and issuer: an earlier one must be dead, as the registrar judges."""
        earlier = connection.execute(select(licences.c.id, licences.c.licence_id).where(licences.c.live_key == key)).first()
        if earlier is None:
            return
        if not opening.may_replace(self._record(connection, earlier.licence_id)):
            raise NumberTaken
        connection.execute(update(licences).where(licences.c.id == earlier.id).values(live_key=None))

    def _insert(self, connection: Connection, licence: int, entry: Entry) -> None:
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

    def _project(self, connection: Connection, licence: int, entry: Entry) -> None:
        """Keep the row of the licence equal to the fold of its entries."""
        # The public bodies are enough to fold; nothing is decrypted while the book is locked.
        rows = connection.execute(
            select(entries.c.body, entries.c.sha256, entries.c.sm3).where(entries.c.licence == licence).order_by(entries.c.sequence)
        )
        after = fold([entry_of(json.loads(row.body), None, Digests(row.sha256, row.sm3)) for row in rows], beijing_day(self._now()))
        assert after  # noqa: S101 - the entry just written has a version, or an earlier one has
        values: dict[str, Any] = {
            "head": entry.sequence,
            "current_version": after.current.version,
            "valid_from": after.valid_from.isoformat(),
            "valid_to": after.valid_to.isoformat() if after.valid_to else None,
            "ended_on": after.ended_on.isoformat() if after.ended_on else None,
        }
        if after.state in OVER:
            values["live_key"] = None  # an ending that lies ahead does not free the number yet
        connection.execute(update(licences).where(licences.c.id == licence).values(values))

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
            return self._records(connection, licence_ids)

    def _record(self, connection: Connection, licence_id: str) -> Record:
        found = self._records(connection, [licence_id])
        if not found:
            raise NotInRegister
        return found[0]

    def _records(self, connection: Connection, licence_ids: Sequence[str]) -> list[Record]:
        rows = {row["licence_id"]: row for row in connection.execute(select(licences).where(licences.c.licence_id.in_(licence_ids))).mappings()}
        joined = (
            select(entries.c.licence, entries.c.body, entries.c.sha256, entries.c.sm3, entries.c.sequence, payloads.c.sealed)
            .join(payloads, payloads.c.entry == entries.c.id, isouter=True)
            .where(entries.c.licence.in_([row["id"] for row in rows.values()]))
            .order_by(entries.c.licence, entries.c.sequence)
        )
        lines = {key: list(group) for key, group in groupby(connection.execute(joined), key=attrgetter("licence"))}
        return [
            Record(one, rows[one]["type"], rows[one]["department"], tuple(self._entry(one, line) for line in lines.get(rows[one]["id"], ())))
            for one in licence_ids
            if one in rows
        ]

    def _entry(self, licence_id: str, row: Any) -> Entry:  # noqa: ANN401 - a row of the join above
        private = self._vault.open_json(row.sealed, f"entry:{licence_id}:{row.sequence}") if row.sealed else None
        return entry_of(json.loads(row.body), private, Digests(row.sha256, row.sm3))

    def living(self, live_key: str) -> Record | None:
        """Return the licence that holds this type, number and issuer, if one does."""
        with self._database.read() as connection:
            key = self._vault.blind("live", live_key)
            found = connection.execute(select(licences.c.licence_id).where(licences.c.live_key == key)).scalar_one_or_none()
            return self._record(connection, found) if found else None

    def search(self, name: str, value: str, *, department: str, types: Sequence[str] | None = None) -> list[str]:
        """Return the ids of a department's licences whose field has this value in comparison form, newest first."""
        hits = (
            select(licences.c.licence_id)
            .join(lookups, lookups.c.licence == licences.c.id)
            .where(lookups.c.name == name, lookups.c.blind == self._vault.blind(name, comparison_form(value)), licences.c.department == department)
            .order_by(licences.c.id.desc())
            .limit(100)
        )
        if types is not None:
            hits = hits.where(licences.c.type.in_(types))
        with self._database.read() as connection:
            return list(connection.execute(hits).scalars())

    def by_number_and_code(self, number: str, check_code: str) -> tuple[str, int] | None:
        """Return (licence id, version) of a pair that belongs together; one query, whatever is wrong with the pair."""
        return self._version_where(
            (lookups.c.name == "number")
            & (lookups.c.blind == self._vault.blind("number", comparison_form(number)))
            & (versions.c.check_digest == token_digest(check_code)),
            with_lookups=True,
        )

    def by_document(self, sha256: str) -> tuple[str, int] | None:
        """Return (licence id, version) of an archived document."""
        return self._version_where(versions.c.document_sha256 == sha256)

    def by_delivery_code(self, delivery_code: str) -> tuple[str, int] | None:
        """Return (licence id, version) that a delivery code opens."""
        return self._version_where(versions.c.delivery_digest == token_digest(delivery_code))

    def by_elicence_id(self, elicence_id: str) -> tuple[str, int] | None:
        """Return (licence id, version) of an identifier after GB/T 36904."""
        return self._version_where(versions.c.elicence_id == elicence_id)

    def _version_where(self, clause: Any, *, with_lookups: bool = False) -> tuple[str, int] | None:  # noqa: ANN401
        found = select(licences.c.licence_id, versions.c.version).join(versions, versions.c.licence == licences.c.id).where(clause)
        if with_lookups:
            found = found.join(lookups, lookups.c.licence == licences.c.id)
        with self._database.read() as connection:
            row = connection.execute(found.order_by(versions.c.id.desc())).first()
        return (row.licence_id, row.version) if row else None

    def by_external_ref(self, asserter: str, external_ref: str, request_digest: str) -> tuple[str, int] | None:
        """Return (licence id, sequence) of an endorsement sent before (EN-08); other content is `KeyReused`."""
        mine = (endorsement_refs.c.asserter == asserter) & (endorsement_refs.c.external_ref == external_ref)
        found = select(licences.c.licence_id, endorsement_refs.c.sequence, endorsement_refs.c.request_digest).join(
            licences, licences.c.id == endorsement_refs.c.licence
        )
        with self._database.read() as connection:
            row = connection.execute(found.where(mine)).first()
        if row and row.request_digest != request_digest:
            raise KeyReused
        return (row.licence_id, row.sequence) if row else None

    def head(self) -> tuple[int, datetime | None]:
        """Return the number of the book's last entry and when it was recorded."""
        with self._database.read() as connection:
            row = connection.execute(select(entries.c.id, entries.c.recorded_at).order_by(entries.c.recorded_at.desc()).limit(1)).first()
        return (row.id, row.recorded_at) if row else (0, None)

    def all_ids(self) -> Iterable[str]:
        """Return every licence id, in the order of opening."""
        with self._database.read() as connection:
            return list(connection.execute(select(licences.c.licence_id).order_by(licences.c.id)).scalars())
