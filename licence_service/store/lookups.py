"""Finding licences by what is known of them: a value on the face, a code, a document, a reference. Values are met by their blind index."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from licence_service.errors import KeyReused, NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.tables import consumed_reports, endorsement_refs, licences, lookups, versions


class Lookups:
    """The ways into the register; each returns ids, never a licence."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def search(self, name: str, value: str, *, department: str, types: Sequence[str] | None = None) -> list[str]:
        """Return the ids of a department's licences whose field has this value in comparison form, newest first."""
        hits = (
            select(licences.c.licence_id)
            .join(lookups, lookups.c.licence == licences.c.id)
            .where(lookups.c.name == name, lookups.c.blind == self._vault.blind(name, comparison_form(value)), licences.c.issuer == department)
            .order_by(licences.c.id.desc())
            .limit(100)
        )
        if types is not None:
            hits = hits.where(licences.c.type.in_(types))
        with self._database.read() as connection:
            return list(connection.execute(hits).scalars())

    def found_by(self, name: str, value: str, *, types: Sequence[str]) -> list[str]:
        """Return the ids of licences of some types, of whatever department, whose field has this value; the caller judges who may know."""
        blind = self._vault.blind(name, comparison_form(value))
        hits = select(licences.c.licence_id).join(lookups, lookups.c.licence == licences.c.id).where(lookups.c.name == name, lookups.c.blind == blind)
        with self._database.read() as connection:
            return list(connection.execute(hits.where(licences.c.type.in_(types)).order_by(licences.c.id.desc()).limit(20)).scalars())

    def consumed(self, station: str, report_no: str) -> bool:
        """Say whether an inspection report was used (XR-02)."""
        used = (consumed_reports.c.station == station) & (consumed_reports.c.report_no == report_no)
        with self._database.read() as connection:
            return connection.execute(select(consumed_reports.c.licence).where(used)).first() is not None

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
