"""The slow path against the tuned and the naive peer, on the same placed page, interleaved."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import peers
from bench.record import record
from licence_service.demo import Moved, clock_at
from licence_service.digests import sha256
from licence_service.document import Sheet
from licence_service.drafting import checked_face, draft_issue, photo_fields
from licence_service.licence import beijing_day
from licence_service.line import Line
from licence_service.requests import read_issue
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.sealing import Order
from licence_service.service import Service, build
from licence_service.settings import Settings
from licence_service.store.reservations import Intent, Reservation

ROUNDS, EACH = 7, 8
PASSPHRASE = "bench"
SLUG_ARGUMENT = "practitioner_qualification"


def settings_in(folder: Path) -> Settings:
    """Return the settings of a service that lives in a folder."""
    return Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder}/licence.db",
            "archive_url": f"file:{folder}/archive",
            "keys": folder / "keys",
            "seal_passphrase": PASSPHRASE,
            "payload_key": "00" * 32,
            "allow_demo_keys": True,
            "public_url": "https://licence.example.cn",
        }  # fmt: skip
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what tells a command of a service with these settings."""
    return os.environ | {
        "LICENCE_DATABASE_URL": settings.database_url.get_secret_value(), "LICENCE_ARCHIVE_URL": settings.archive_url,
        "LICENCE_KEYS": str(settings.keys), "LICENCE_SEAL_PASSPHRASE": PASSPHRASE, "LICENCE_PAYLOAD_KEY": "00" * 32, "LICENCE_ALLOW_DEMO_KEYS": "1",
        "LICENCE_PUBLIC_URL": settings.public_url, "LICENCE_ARCHIVE_ENDPOINT": settings.archive_endpoint,
        "LICENCE_ARCHIVE_REGION": settings.archive_region,
        "LICENCE_ARCHIVE_ACCESS_KEY_ID": settings.archive_access_key_id.get_secret_value(),
        "LICENCE_ARCHIVE_SECRET_ACCESS_KEY": settings.archive_secret_access_key.get_secret_value(),
    }  # fmt: skip


def service_in(folder: Path, scheme: str = "pades-p256") -> Service:
    """Build a service with keys, register and archive of its own, all departments sealing with one scheme."""
    keys = folder / "keys"
    departments = tuple(replace(one, scheme=scheme) for one in read_demo_departments(Path("keys/demo.toml")))
    make_demo_keys(keys, departments, passphrase=PASSPHRASE.encode(), now=datetime.now(UTC))
    built = build(settings_in(folder), clock_at(None))
    built.database.migrate()
    built.put_in_force("one", "another")
    return built


class Ours:
    """The steps of the issue line from a checked face to a sealed file, each measured."""

    def __init__(self, service: Service, slug: str) -> None:
        """Reserve one licence; the page is drawn again and again from it."""
        today = beijing_day(service.now())
        template = service.catalogue.in_force(slug, today)
        moved = Moved(template, service.catalogue.kinds, service.catalogue.samples[slug], today)
        request = read_issue(moved.request())
        self.department = service.keyring.departments[service.catalogue.samples[slug].issuer]
        face = checked_face(template, {**request.face, **photo_fields(request.photos)}, self.department.name, today)
        draft = draft_issue(
            template, request, face, by="bench", department=self.department.uscc, seal_id=self.department.seal.seal_id, sealed_at=service.now()
        )
        from licence_service.registrar import _content  # noqa: PLC0415 - the form of a reservation's content

        intent = Intent(
            "bench", slug, sha256(slug.encode()), self.department.uscc, slug, "issue", 1, 10**9, _content(draft.entry),
            photos={sha256(jpeg): jpeg for jpeg in request.photos.values()},
        )  # fmt: skip
        self.reservation: Reservation = service.reservations.reserve(intent, service.now())
        self.line: Line = service.registrar.line
        self.photos = request.photos
        self.steps: dict[str, float] = {}
        self.sheet: Sheet | None = None

    def _timed(self, name: str, work: Callable[[], object]) -> object:
        began = time.process_time()
        found = work()
        self.steps[name] = self.steps.get(name, 0.0) + time.process_time() - began
        return found

    def once(self) -> bytes:
        """Make one sealed file from the reservation."""
        entry, template = self._timed("restore and commit", lambda: self.line.restored(self.reservation))  # type: ignore[misc]
        order = self._timed(
            "sign the code, licence data", lambda: self.line.order(self.reservation, entry, template, self.department.seal, self.photos)
        )
        assert isinstance(order, Order)
        sheet = order.sheet
        self.sheet = sheet
        placed = self._timed("place", lambda: self.line.printer.place(sheet))
        drawn = self._timed("draw PDF/A-3u", lambda: self.line.printer.draw(placed, order.attachment, created_at=entry.version.sealed_at))  # type: ignore[arg-type, union-attr]
        self._timed("read back", lambda: self.line.printer.agree(drawn, sheet))  # type: ignore[arg-type]
        sealed = self._timed(
            "seal",
            lambda: self.department.seal.affix(drawn, sealed_at=entry.version.sealed_at, request_id=self.reservation.reservation_id),  # type: ignore[arg-type, union-attr]
        )
        return sealed.document  # type: ignore[attr-defined, no-any-return]


def _cpu(work: Callable[[], object], times: int) -> float:
    """Return CPU milliseconds per call."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1000


def run(slug: str) -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = service_in(folder)
        ours = Ours(service, slug)
        ours.once()
        assert ours.sheet
        placed = service.printer.place(replace(ours.sheet))
        peers.register(service.printer.fonts)
        keys = service.settings.keys / ours.department.uscc
        tuned, naive = peers.tuned_signer(keys, PASSPHRASE.encode()), peers.naive_signer(keys, PASSPHRASE.encode())

        def tuned_peer() -> bytes:
            return peers.sign(peers.draw(placed, tuned=True), tuned, tuned=True)

        def naive_peer() -> bytes:
            return peers.sign(peers.draw(placed, tuned=False), naive, tuned=False)

        Path("var").mkdir(exist_ok=True)
        Path("var/bench-ours.pdf").write_bytes(ours.once())
        Path("var/bench-tuned.pdf").write_bytes(tuned_peer())
        naive_peer()
        ours.steps.clear()
        figures = [(_cpu(ours.once, EACH), _cpu(tuned_peer, EACH), _cpu(naive_peer, EACH)) for _ in range(ROUNDS)]
        count = ROUNDS * EACH
        for step, seconds in ours.steps.items():
            print(f"  {step}: {seconds / count * 1000:.2f} ms CPU")
        mine = statistics.median(one[0] for one in figures)
        for label, place in (("tuned", 1), ("naive", 2)):
            ratios = [one[place] / one[0] for one in figures]
            record(
                f"issue_slow_p256_vs_{label}", statistics.median(ratios), better="higher", ours=mine,
                peer=statistics.median(one[place] for one in figures), unit="ms CPU", worst=min(ratios), rounds=ROUNDS,
            )  # fmt: skip
        service.close()
