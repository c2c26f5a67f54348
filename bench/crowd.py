# ruff: noqa: S608 - the statements are put together from names of columns and marks, never from values
"""A register of any size for measuring verification: one licence is really issued, then its rows are repeated.

Every repetition has a licence id, numbers, digests and a code of its own (signed with the department's code key, though with chance in
place of the deterministic nonce, which is a hundred times as quick to make), and an answer that lies ready. `check` compares a sample of
what lies ready with what the verifier says of the same code.
"""

import json
import random
import sqlite3
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from fastapi.testclient import TestClient

from bench.issue import SLUG_ARGUMENT
from bench.million import digest, identity
from licence_service import qr_token
from licence_service.app import create_app
from licence_service.demo import Moved
from licence_service.digests import sha256
from licence_service.licence import beijing_day
from licence_service.seal.canonical import ORDERS
from licence_service.seal.tokens import CodeSigner, Purpose, open1, sign1
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.store.counting import BOOK, raise_to
from licence_service.store.keys import refill
from licence_service.store.prepared import id_of, key_of_code
from licence_service.verification import Question

_TABLES = ("licences", "entries", "payloads", "versions", "lookups", "prepared_answers")
_BATCH = 20_000
_HASHED = ec.ECDSA(hashes.SHA256())


class Quickly(CodeSigner):
    """The same key with a random nonce."""

    def sign(self, data: bytes) -> bytes:
        """Sign and return 64 bytes r ‖ s, low s."""
        r, s = decode_dss_signature(self.key.sign(data, _HASHED))
        return r.to_bytes(32) + min(s, ORDERS["secp256r1"] - s).to_bytes(32)


class Crowd:
    """A service with one licence and its many repetitions on SQLite."""

    def __init__(self, service: Service) -> None:
        """Issue the one."""
        self.service = service
        sample = service.catalogue.samples[SLUG_ARGUMENT]
        today = beijing_day(service.now())
        moved = Moved(service.catalogue.in_force(SLUG_ARGUMENT, today), service.catalogue.kinds, sample, today)
        token = service.clients.add(Client("bench", sample.issuer, (EVERY_TYPE,), 10_000), service.now())
        http, bearer = TestClient(create_app(service)), {"Authorization": f"Bearer {token}"}
        issued = http.post("/licences", json=moved.request(), headers={**bearer, "Idempotency-Key": "bench-issue"}).raise_for_status().json()
        while service.preparer.work():
            pass
        self.first: str = issued["licence_id"]
        self.department = service.keyring.departments[sample.issuer]
        record = service.book.get(self.first)
        printed = [service.preparer._printed(record, entry, entry.version) for entry in record.entries if entry.version]
        self.facts = {
            key_of_code(digits): qr_token.unpack(open1(qr_token.message_in(digits), service.keyring.keys_for(Purpose.LICENCE)).payload)
            for digits in printed
            if digits
        }  # by the key of the prepared answer
        signer = self.department.signers[Purpose.LICENCE]
        self.signer = Quickly(signer.kid, signer.key)
        self.vault = service.book._vault

    def fill(self, size: int) -> list[str]:
        """Repeat the licence until there are `size`, and return the digits of the code of every tenth."""
        path = str(self.service.database.url.database)
        raw = sqlite3.connect(path, isolation_level=None)
        raw.row_factory = sqlite3.Row
        rows = {name: [dict(row) for row in raw.execute(f"SELECT * FROM {name}")] for name in _TABLES}
        rows["prepared_answers"] = [row for row in rows["prepared_answers"] if row["key"] in self.facts]  # those to codes
        self.last = max(raw.execute(f"SELECT max(place) FROM {table}").fetchone()[0] for table in ("entries", "foundations"))
        self._opened(rows)
        for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-1500000", "wal_autocheckpoint=100000"):
            raw.execute(f"PRAGMA {pragma}")
        codes: list[str] = []
        for start in range(1, size, _BATCH):
            made: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
            for number in range(start, min(start + _BATCH, size)):
                digits = self._repeated(rows, number, made)
                if number % 10 == 0:
                    codes.append(digits)
            raw.execute("BEGIN")
            for name, lines in made.items():
                raw.executemany(f"INSERT INTO {name} ({', '.join(rows[name][0])}) VALUES ({', '.join('?' * len(rows[name][0]))})", lines)
            raw.execute("COMMIT")
            print(f"\r{min(start + _BATCH, size):,} licences", end="", flush=True)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        print()
        with self.service.database.write() as connection:
            for counter in (BOOK, "prepared"):
                raise_to(connection, counter, self.last + (size - 1) * len(rows["entries"]))
            refill(connection)
        return codes

    def _opened(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        """Open what is encrypted, since every repetition is closed for its own row."""
        for row, entry in zip(rows["payloads"], rows["entries"], strict=True):
            row["sealed"] = self.vault.open(row["sealed"], f"entry:{self.first}:{entry['sequence']}")
        for row in rows["prepared_answers"]:
            row["content"] = self.vault.open(row["content"], f"prepared:{row['key'].hex()}")

    def _repeated(self, rows: dict[str, list[dict[str, Any]]], number: int, made: dict[str, list[tuple[Any, ...]]]) -> str:
        own, entries = identity(number), len(rows["entries"])
        place = self.last + 1 + (number - 1) * entries  # the book has no gaps, or no head would ever be signed over what follows one

        def renamed(text: str) -> str:
            return text.replace(self.first, own)

        for row in rows["licences"]:
            made["licences"].append(tuple((row | {"id": number + 1, "licence_id": own, "live_key": digest("live", number)}).values()))
        for each, row in enumerate(rows["entries"]):
            moved = {"id": place + each, "licence": number + 1, "recorded_at": row["recorded_at"] + number * entries, "place": place + each}
            body = renamed(row["body"])
            moved |= {"body": body, "sha256": sha256(body.encode())}  # heads are signed over whole lines
            made["entries"].append(tuple((row | moved).values()))
            sealed = self.vault.close_up(rows["payloads"][each]["sealed"], f"entry:{own}:{row['sequence']}")
            made["payloads"].append((place + each, sealed))
        for row in rows["versions"]:
            said = {name: digest(name, number, row["version"]) for name in ("document_sha256", "check_digest", "delivery_digest")}
            keys = {"id": 10_000 + number * len(rows["versions"]) + row["version"], "licence": number + 1, "elicence_id": renamed(row["elicence_id"])}
            made["versions"].append(tuple((row | keys | said | {"status_list": 7 + row["version"], "status_index": number}).values()))
        for row in rows["lookups"]:
            made["lookups"].append((number + 1, row["name"], digest(row["name"], number)))
        digits = ""
        for row in rows["prepared_answers"]:
            digits = qr_token.digits_of(sign1(qr_token.pack(replace(self.facts[row["key"]], licence_id=own)), self.signer))
            code = key_of_code(digits)
            content = self.vault.close_up(row["content"].replace(self.first.encode(), own.encode()), f"prepared:{code.hex()}")
            made["prepared_answers"].append(tuple((row | {"id": id_of(code), "key": code, "licence": number + 1, "content": content}).values()))
        return digits

    def check(self, codes: list[str]) -> None:
        """Compare what lies ready with what the verifier says, but for the check character of identifiers, which was not made anew."""
        for digits in random.Random(1).sample(codes, 50):
            ready = self.service.preparer.answer(digits)
            said = self.service.verifier.by_code(digits, Question()).as_json()
            assert ready is not None, "nothing lies ready"
            assert _steady(json.loads(ready)) == _steady(json.loads(json.dumps(said)))


def _steady(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in verdict.items() if name not in {"checked_at", "known_at", "sources"}}
