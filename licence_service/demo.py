"""The demonstration: one licence of every type, through the real HTTP interface, and every proof a newcomer can check.

Dates of the samples move by one offset, so that they fit the day on which it runs.
"""

import base64
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from licence_service.app import served
from licence_service.catalogue import Sample, read_catalogue
from licence_service.document import reading, standin
from licence_service.errors import Refusal, Unavailable
from licence_service.licence import beijing_day
from licence_service.outbound import client as http_client
from licence_service.service import Clock, Service, build, utc_now
from licence_service.settings import Settings
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.template import EndorsementKind, Template

COLUMNS = ("no", "type", "number", "version", "pages", "kB", "code", "pair", "file", "changed")


class Disagreement(Refusal):
    """The demonstration saw something else than it should."""

    slug, title = "demo-failed", "The demonstration failed"


def types(settings: Settings) -> tuple[str, ...]:
    """Return the types that will be shown."""
    return read_catalogue(settings.templates).slugs


def run(folder: Path, settings: Settings, today: date | None, step: Callable[[str], None]) -> list[dict[str, Any]]:
    """Issue, endorse, download and verify every sample; leave PDFs, the root certificate and `demo.json` in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    service = build(_settings(folder, settings), clock_at(today))
    service.database.migrate()
    service.put_in_force("示例提议人", "示例确认人")
    tokens = {uscc: service.clients.add(Client(f"demo-{uscc}", uscc, (EVERY_TYPE,), 10_000), service.now()) for uscc in service.keyring.departments}
    rows, kept = [], {}
    with _served(service) as http:
        for slug in service.catalogue.slugs:
            shown = _Showing(service, http, tokens, slug, folder).run()
            rows.append(shown.row)
            kept[slug] = shown.kept
            step(slug)
    shutil.copy(settings.keys / "trust" / "root.pem", folder / "root.pem")
    _private(folder / "demo.json", json.dumps(kept, ensure_ascii=False, indent=2) + "\n")
    return rows


def _private(path: Path, text: str) -> None:
    """Write a file that holds codes: for its owner only."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _settings(folder: Path, settings: Settings) -> Settings:
    """Point the service at the demonstration's own register, archive and keys."""
    return settings.model_copy(
        update={
            "database_url": type(settings.database_url)(f"sqlite:///{folder}/licence.db"),
            "archive_url": f"file:{folder}/archive",
            "allow_demo_keys": True,
            "seal_passphrase_file": settings.seal_passphrase_file or settings.keys / "passphrase",
            "payload_key_file": settings.payload_key_file or settings.keys / "payload.key",
            "worker_seconds": 0.0,
        }
    )


def clock_at(today: date | None) -> Clock:
    """Return a clock that runs, but on the wanted Beijing day."""
    if today is None:
        return utc_now
    shift = timedelta(days=(today - beijing_day(utc_now())).days)
    return lambda: utc_now() + shift


@contextmanager
def _served(service: Service) -> Iterator[httpx2.Client]:
    """Serve on a free port of the loopback address, and give a client to it."""
    server = uvicorn.Server(
        uvicorn.Config(
            served(service), host="127.0.0.1", port=0, log_level="error", access_log=False, http="licence_service.web.scanning:ScanProtocol"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise Unavailable("the demonstration's server did not start")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = http_client(60.0)
    client.base_url = httpx2.URL(f"http://127.0.0.1:{port}")
    try:
        yield client
    finally:
        client.close()
        server.should_exit = True
        thread.join(timeout=20)


@dataclass(frozen=True, slots=True)
class Shown:
    """What one type left behind."""

    row: dict[str, Any]
    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Showing:
    """One type's way through the demonstration."""

    service: Service
    http: httpx2.Client
    tokens: Mapping[str, str]
    slug: str
    folder: Path

    def run(self) -> Shown:
        """Issue, act and endorse, download, verify three ways, change one byte and see it refused."""
        today = beijing_day(self.service.now())
        template, sample = self.service.catalogue.in_force(self.slug, today), self.service.catalogue.samples[self.slug]
        moved = Moved(template, self.service.catalogue.kinds, sample, today)
        issued = self._post("/licences", moved.request(), sample, "issue")
        latest = issued
        for number, body in enumerate(moved.acts(), 1):
            answer = self._post(f"/licences/{issued['licence_id']}/entries", body, sample, f"act-{number}")
            latest = answer if "version" in answer else latest
        content = self.http.post("/download", json={"delivery_code": latest["delivery_code"]}).raise_for_status().content
        (self.folder / f"{self.slug}.pdf").write_bytes(content)
        versions = self.http.get(f"/licences/{issued['licence_id']}", headers=self._headers(sample)).raise_for_status().json()["versions"]
        row = {
            "no": template.index, "type": self.slug, "number": latest["number"], "version": latest["version"],
            "pages": len(reading.text(content)), "kB": f"{len(content) / 1024:.0f}", **self._verified(latest, content),
        }  # fmt: skip
        names = ("licence_id", "elicence_id", "number", "check_code", "delivery_code", "verify_url")
        return Shown(row, {**{name: latest.get(name, issued[name]) for name in names}, "versions": [one["version"] for one in versions]})

    def _verified(self, latest: Mapping[str, Any], content: bytes) -> dict[str, str]:
        by_code = self.http.get("/Q/1" + latest["verify_url"].rpartition("/Q/1")[2])
        by_pair = self.http.post("/verify", json={"number": latest["number"], "check_code": latest["check_code"]})
        by_file = self._document(content)
        middle = len(content) // 2
        changed = self._document(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        found = {"code": by_code, "pair": by_pair, "file": by_file, "changed": changed}
        words = {name: answer.raise_for_status().json()["overall"] for name, answer in found.items()}
        wrong = [name for name, word in words.items() if (word == "valid") == (name == "changed")]
        if wrong:
            raise Disagreement(f"{self.slug}: {', '.join(f'{name} is {words[name]}' for name in wrong)}")
        return words

    def _document(self, content: bytes) -> httpx2.Response:
        return self.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"})

    def _post(self, path: str, body: Mapping[str, Any], sample: Sample, key: str) -> dict[str, Any]:
        answer = self.http.post(path, json=body, headers={**self._headers(sample), "Idempotency-Key": f"demo-{self.slug}-{key}"})
        if answer.status_code != 201:  # noqa: PLR2004
            raise Disagreement(f"{self.slug}: {key} was answered {answer.status_code}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found

    def _headers(self, sample: Sample) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[sample.issuer]}"}


@dataclass(frozen=True, slots=True)
class Moved:
    """A sample whose dates are moved by the days between its own day and today."""

    template: Template
    kinds: Mapping[str, EndorsementKind]
    sample: Sample
    today: date

    def request(self) -> dict[str, Any]:
        """Return the issue request: the face as it stood before the sample's changes, an end date left to the rule where it computes it."""
        before = {name: value for one in self.sample.endorsements for name, value in one.get("before", {}).items()}
        face = self.face({**self.sample.face, **before})
        if self.template.term.rule == "exact":
            face.pop(self.template.term.end, None)
        photos = {name: base64.b64encode(standin.drawn(drawn)).decode() for name, drawn in self.sample.photos.items()}
        decided = str(face[self.template.issued_field])
        return {
            "type": self.template.slug, "case_no": f"DEMO-{self.template.index:02d}-{self.today:%Y%m%d}", "decision": self.decision("颁发", decided),
            "face": face, "photos": photos,
        }  # fmt: skip

    def acts(self) -> Iterator[dict[str, Any]]:
        """Yield the acts that make the sample's endorsements: by the act where an act writes the kind."""
        for number, one in enumerate(self.sample.endorsements, 1):
            kind = self.kinds[one["kind"]]
            day = self.day(str(one["facts"][kind.date_field]))
            if kind.written_by:
                after = self.face({name: self.sample.face[name] for name in one["before"]})
                yield {"act": kind.written_by[0], "decision": self.decision("变更", day), "face": after}
            else:
                facts = {name: self.day(str(value)) if kind.facts[name].type == "date" else value for name, value in one["facts"].items()}
                reference = f"demo-{self.template.index}-{number}"
                decision = self.decision("签注", max(day, self.today.isoformat()))
                yield {"act": "endorse", "kind": kind.slug, "facts": facts, "external_ref": reference, "decision": decision}

    def decision(self, word: str, day: str) -> dict[str, str]:
        """Return a made-up decision."""
        organ = str(self.sample.face[self.template.issuer_field])
        number = f"示例许〔{day[:4]}〕{word}{self.template.index:03d}号"
        return {"number": number, "organ": organ, "decided_on": day, "legal_basis": self.template.legal_basis[0], "officer": "示例许可科01"}

    def face(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Move the dates of a face; a date that repeats an identity number stays."""
        fields = self.template.fields
        return {name: self.day(str(value)) if fields[name].type == "date" and not fields[name].agrees_with else value for name, value in raw.items()}

    def day(self, text: str) -> str:
        """Move one day."""
        return (date.fromisoformat(text) + (self.today - self.sample.as_of)).isoformat()
