"""Reports of false sites: kept encrypted for the operator; nothing here is ever fetched, and nothing is shown to the public again."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert, select

from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables_of_showing import site_reports


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What somebody reported: the address of a site, and what was said of it. Hostile text: print it escaped."""

    report_id: str
    at: datetime
    address: str = field(repr=False)
    remark: str = field(repr=False)


class SiteReports:
    """The list of reports."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault."""
        self._database = database
        self._vault = vault

    def add(self, address: str, remark: str, now: datetime) -> None:
        """Keep a report."""
        report_id = secrets.token_hex(13)
        sealed = self._vault.close_json({"address": address, "remark": remark}, f"report:{report_id}")
        with self._database.write() as connection:
            connection.execute(insert(site_reports).values(report_id=report_id, at=now, sealed=sealed))

    def newest(self, limit: int = 100) -> list[SiteReport]:
        """Return reports, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(site_reports).order_by(site_reports.c.id.desc()).limit(limit)).all()
        said = [(row, self._vault.open_json(row.sealed, f"report:{row.report_id}")) for row in rows]
        return [SiteReport(row.report_id, row.at, one["address"], one["remark"]) for row, one in said]
