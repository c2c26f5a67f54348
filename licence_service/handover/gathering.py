"""Gathering everything that the service knows of one licence into a folder."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.archive import Archive
from licence_service.digests import canonical, sha256
from licence_service.entry_form import body_of, private_of
from licence_service.errors import NotInRegister, Unavailable
from licence_service.law import BODY, DEPARTMENT, KIND
from licence_service.licence import Entry
from licence_service.log.tree import inclusion
from licence_service.seal.keyring import Keyring
from licence_service.store.book import Book
from licence_service.store.foundations import Foundation, Foundations
from licence_service.store.heads import Heads, StoredHead
from licence_service.store.record import Record
from licence_service.store.reservations import Reservations
from licence_service.store.seal_log import SealLog

FORM = "export/1"
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Writes exports. Personal data is in them: a folder is for the archive alone."""

    book: Book
    heads: Heads
    foundations: Foundations
    archive: Archive
    keyring: Keyring
    reservations: Reservations
    seal_log: SealLog
    now: Callable[[], datetime] = field(repr=False)

    def gather(self, licence_id: str, folder: Path, history: Mapping[str, Any]) -> Path:
        """Write the export of one licence under `folder` and return where it lies; `NotInRegister` for an unknown one.

        `Unavailable` while no head covers its last entry: wait for the follower.
        """
        record = self.book.get(licence_id)
        head, places = self._covering(record)
        beneath = _beneath(self.foundations.lines(), record, head)
        files = {
            **_entries(record.entries),
            **{f"documents/{one.version.version:03d}.pdf": self.archive.get(one.version.document.sha256) for one in record.entries if one.version},
            **{f"foundations/{one.place}.json": self.foundations.body(one.place) for one in beneath},
            "head.cose": head.message,
            "proofs.json": canonical(self._proofs(head, [*places, *(one.place for one in beneath)])),
            "seal-uses.jsonl": b"\n".join(canonical(dict(use)) for use in self._uses(licence_id)),
            "history.json": canonical(dict(history)),
            **self._keys(record),
        }
        return self._written(record, folder, files)

    def _covering(self, record: Record) -> tuple[StoredHead, list[int]]:
        """Return the newest head, and the place of each entry of the licence under it."""
        head = self.heads.last()
        places = self.book.places(record.licence_id)
        if head is None or not places or head.size < max(places):
            raise Unavailable("no head of the book covers this licence's last entry yet", retry_after=2)
        return head, places

    def _proofs(self, head: StoredHead, places: Iterable[int]) -> dict[str, Any]:
        """Return the audit path of each line; the whole book's digests are read once."""
        leaves: list[bytes] = []
        while len(leaves) < head.size:
            lines = self.heads.lines(len(leaves), min(_BATCH, head.size - len(leaves)))
            leaves += [bytes.fromhex(one.sha256) for one in lines]
            if not lines:
                raise Unavailable("the book is shorter than its head; run the audit")
        return {"size": head.size, "paths": {str(place): [node.hex() for node in inclusion(leaves, place - 1)] for place in places}}

    def _uses(self, licence_id: str) -> list[dict[str, str | None]]:
        return [use for one in self.reservations.of_licence(licence_id) for use in self.seal_log.uses(reservation_id=one)]

    def _keys(self, record: Record) -> dict[str, bytes]:
        """Return the public keys and certificates that check this record."""
        sealed = {one.version.certificate_sha256 for one in record.entries if one.version}
        certificates = {f"certificates/{digest}.pem": pem for digest in sealed if (pem := self.keyring.certificate_pem(digest)) is not None}
        keys = {"keys.json": canonical(self.keyring.public_code_keys()), "key_purposes.json": canonical(self.keyring.code_key_purposes())}
        return keys | certificates

    def _written(self, record: Record, folder: Path, files: Mapping[str, bytes]) -> Path:
        """Write every file, the manifest last: without it an export is not whole."""
        target = folder / record.licence_id
        if target.exists():
            raise NotInRegister("there is an export of this licence already; give another folder")
        for name, content in files.items():
            path = target / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
        manifest = {
            "format": FORM, "licence_id": record.licence_id, "type": record.type, "department": record.department, "made_at": self.now().isoformat(),
            "files": {name: sha256(content) for name, content in sorted(files.items())},
        }  # fmt: skip
        (target / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), "utf-8")
        return target


def _entries(entries: Iterable[Entry]) -> dict[str, bytes]:
    files = {}
    for entry in entries:
        files[f"entries/{entry.sequence:04d}.json"] = canonical(body_of(entry))
        files[f"private/{entry.sequence:04d}.json"] = canonical(private_of(entry))
    return files


def _beneath(lines: Iterable[Foundation], record: Record, head: StoredHead) -> list[Foundation]:
    """Return the foundations that this licence's judgements rest on: every rule pack and anchor, its editions, bodies and departments."""
    editions: set[str | None] = {f"{record.type}/{one.version.edition}" for one in record.entries if one.version}
    organs = {
        record.department,
        *(entry.department for entry in record.entries),
        *(one.asserter for entry in record.entries for one in entry.endorsements),
    }
    kinds: set[str | None] = {one.kind for entry in record.entries for one in entry.endorsements}
    named: dict[str, set[str | None]] = {BODY: organs, DEPARTMENT: organs, KIND: kinds, "template": editions}
    return [one for one in lines if one.place <= head.size and (one.kind not in named or one.name in named[one.kind])]
