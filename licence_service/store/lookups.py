"""Finding licences by what is known of them: an id, a value on the face, a code, a document, a reference. Values are met by their blind index."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, or_, select

from licence_service.errors import KeyReused, NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.cards import Scope
from licence_service.store.concerning import MAY_CONCERN, WITH_MOVES, Outline, concerned
from licence_service.store.database import Database
from licence_service.store.keys import Kind, key_of, owners
from licence_service.store.payload import Vault, token_digest
from licence_service.store.tables import consumed_reports, endorsement_refs, licences, lookups, versions

# Statements are built once: building one costs more than running it. The order goes by the lookup's own column, or SQLite would walk
# through all licences of an issuer to spare itself the sorting.
_WITH_VALUE = (
    select(licences.c.licence_id)
    .join(lookups, lookups.c.licence == licences.c.id)
    .where(lookups.c.licence.in_(owners()), lookups.c.name == bindparam("name"), lookups.c.blind == bindparam("blind"))
    .order_by(lookups.c.licence.desc())
)
_OF_TYPES = licences.c.type.in_(bindparam("types", expanding=True))
_OUTLINES = select(licences.c.licence_id, licences.c.type, licences.c.department, licences.c.office)
_ALSO = licences.c.type.in_(bindparam("also", expanding=True))
_OUTLINE = _OUTLINES.where(licences.c.licence_id == bindparam("licence_id"), or_(MAY_CONCERN, _ALSO))
_OUTLINES_WITH_VALUE = (
    _OUTLINES.join(lookups, lookups.c.licence == licences.c.id)
    .where(lookups.c.licence.in_(owners()), lookups.c.name == bindparam("name"), lookups.c.blind == bindparam("blind"))
    .where(licences.c.type == bindparam("type"), or_(MAY_CONCERN, _ALSO))
    .order_by(lookups.c.licence.desc())
    .limit(20)
)
_NUMBERED = (
    select(licences.c.id)
    .join(lookups, lookups.c.licence == licences.c.id)
    .where(licences.c.licence_id == bindparam("licence_id"), lookups.c.name == "number", lookups.c.blind == bindparam("blind"))
)
_OF_ISSUER = _WITH_VALUE.where(licences.c.issuer == bindparam("issuer")).limit(100)
_OF_ISSUER_AND_TYPES = _OF_ISSUER.where(_OF_TYPES)
_HELD = (
    select(licences.c.licence_id)
    .join(lookups, lookups.c.licence == licences.c.id)
    .where(lookups.c.licence.in_(owners()), lookups.c.name == "holder", lookups.c.blind == bindparam("blind"))
    .order_by(lookups.c.licence)
    .offset(bindparam("after"))
    .limit(bindparam("limit"))
)
_ANYBODYS = _WITH_VALUE.where(_OF_TYPES).limit(20)
_VERSION = select(licences.c.licence_id, versions.c.version).join(versions, versions.c.licence == licences.c.id).order_by(versions.c.id.desc())
_BY_DOCUMENT = _VERSION.where(versions.c.id.in_(owners()), versions.c.document_sha256 == bindparam("value"))
_BY_DELIVERY_CODE = _VERSION.where(versions.c.id.in_(owners()), versions.c.delivery_digest == bindparam("value"))
_BY_ELICENCE_ID = _VERSION.where(versions.c.elicence_id == bindparam("value"))


class Lookups:
    """The ways into the register; each returns ids, or what a row says, never a licence."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    # -- before anything is read: `authority` asks this first ----------------------------------------

    def outline(self, licence_id: str, department: str, also: Sequence[str] = ()) -> Outline | None:
        """Return what a row says if the licence may concern the department or is of one of `also`, types; None is also where there is none."""
        given = {**concerned(department), "licence_id": licence_id, "also": list(also)}
        with self._database.read() as connection:
            row = connection.execute(_OUTLINE, given).first()
        return Outline(*row) if row else None

    def of_whom(self, licence_id: str) -> tuple[str, frozenset[str]] | None:
        """Return the type of a licence and the departments that it may concern; None where there is none. One statement, whatever it finds."""
        with self._database.read() as connection:
            rows = connection.execute(WITH_MOVES, {"licence_id": licence_id}).all()
        if not rows:
            return None
        offered = {json.loads(row.body)["to_department"] for row in rows if row.body}
        return rows[0].type, frozenset({rows[0].department, *offered})

    def outlines_by(self, name: str, value: str, slug: str, department: str, also: Sequence[str] = ()) -> list[Outline]:
        """Return the same of the licences of a type whose field has this value, newest first."""
        given = {**self._named(name, value), **concerned(department), "type": slug, "also": list(also)}
        with self._database.read() as connection:
            return [Outline(*row) for row in connection.execute(_OUTLINES_WITH_VALUE, given)]

    def is_numbered(self, licence_id: str, number: str) -> bool:
        """Say whether a licence has, or had, this number."""
        given = {"licence_id": licence_id, "blind": self._vault.blind("number", comparison_form(number))}
        with self._database.read() as connection:
            return connection.execute(_NUMBERED, given).first() is not None

    # -- values, codes, documents, references --------------------------------------------------------

    def search(self, name: str, value: str, *, department: str, types: Sequence[str] | None = None) -> list[str]:
        """Return the ids of a department's licences whose field has this value in comparison form, newest first."""
        given = self._named(name, value) | {"issuer": department}
        with self._database.read() as connection:
            if types is None:
                return list(connection.execute(_OF_ISSUER, given).scalars())
            return list(connection.execute(_OF_ISSUER_AND_TYPES, given | {"types": list(types)}).scalars())

    def found_by(self, name: str, value: str, *, types: Sequence[str]) -> list[str]:
        """Return the ids of licences of some types, of whatever department, whose field has this value: for officers, who see every right (SH-08)."""
        given = self._named(name, value) | {"types": list(types)}
        with self._database.read() as connection:
            return list(connection.execute(_ANYBODYS, given).scalars())

    def held_by(self, holder: str, scope: Scope, *, after: int, limit: int) -> list[str]:
        """Return the ids of licences on which this holder stands, or stood: by identity number, or by name where the type has no number.

        Those within a scope, in their order, `after` of them left out.
        """
        asked = {**self._named("holder", holder), "after": after, "limit": limit}
        with self._database.read() as connection:
            return list(connection.execute(_HELD.where(*scope.within()), asked).scalars())

    def _named(self, name: str, value: str) -> dict[str, Any]:
        blind = self._vault.blind(name, comparison_form(value))
        return {"key": key_of(Kind.VALUE, blind), "name": name, "blind": blind}

    def consumed(self, station: str, report_no: str) -> bool:
        """Say whether an inspection report was used (XR-02)."""
        used = (consumed_reports.c.station == station) & (consumed_reports.c.report_no == report_no)
        with self._database.read() as connection:
            return connection.execute(select(consumed_reports.c.licence).where(used)).first() is not None

    def by_document(self, sha256: str) -> tuple[str, int] | None:
        """Return (licence id, version) of an archived document."""
        return self._version(_BY_DOCUMENT, sha256, Kind.DOCUMENT)

    def by_delivery_code(self, delivery_code: str) -> tuple[str, int] | None:
        """Return (licence id, version) that a delivery code opens."""
        return self._version(_BY_DELIVERY_CODE, token_digest(delivery_code), Kind.DELIVERY)

    def by_elicence_id(self, elicence_id: str) -> tuple[str, int] | None:
        """Return (licence id, version) of an identifier after GB/T 36904."""
        return self._version(_BY_ELICENCE_ID, elicence_id)

    def _version(self, statement: Select[tuple[str, int]], value: str, kind: Kind | None = None) -> tuple[str, int] | None:
        with self._database.read() as connection:
            row = connection.execute(statement, {"value": value} | ({"key": key_of(kind, value)} if kind else {})).first()
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
            raise KeyReused(facts={"rule": "EN-08"})
        return (row.licence_id, row.sequence) if row else None

    def endorsed_under(self, asserter: str, external_ref: str) -> tuple[str, int]:
        """Return (licence id, sequence) of the endorsement that came first under a reference, whatever it said."""
        mine = (endorsement_refs.c.asserter == asserter) & (endorsement_refs.c.external_ref == external_ref)
        found = select(licences.c.licence_id, endorsement_refs.c.sequence).join(licences, licences.c.id == endorsement_refs.c.licence)
        with self._database.read() as connection:
            row = connection.execute(found.where(mine)).first()
        if row is None:
            raise NotInRegister
        return (row.licence_id, row.sequence)
