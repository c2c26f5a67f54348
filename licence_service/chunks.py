"""Many acts with a document together: one short transaction to reserve them, one segment, one short transaction to enter them.

The same steps in the same order as the issue line (`line`), each taken for all rows before the next. Whatever is killed in between
leaves reservations without entries, which the retry or the server's worker carries to their end one by one; a row that does not go
with the others (its number is held, its seal is elsewhere, the press hands it over) goes that way at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from licence_service import requests
from licence_service.carrying import Done
from licence_service.chunk_rows import Meant, Outcome, digest_of, told
from licence_service.chunk_rows import Printed as _Printed
from licence_service.document.press import Pressed
from licence_service.document.reading import attachment, codes
from licence_service.errors import EntryConflict, PageDisagrees, Refusal, SealStopped, Unavailable
from licence_service.licence import Act, Entry
from licence_service.line import live_key
from licence_service.packing import Packer
from licence_service.preflight import first_draft, granted
from licence_service.pressing import Pressing, seal_of
from licence_service.registrar import Registrar
from licence_service.requests import IssueRequest
from licence_service.seal import is_held
from licence_service.store.appending import Appended, Appendings
from licence_service.store.clients import Client
from licence_service.store.openings import Opened, Openings
from licence_service.store.reservations import Reservation
from licence_service.store.reserving import Reserving

STOPPABLE = 100  # after so many signatures an order to stop the seal is looked for
JUDGED = 1000  # of so many licences one, and the first of each edition and seal in a chunk, is read by foreign readers and examined whole

__all__ = ["JUDGED", "STOPPABLE", "Chunks", "Outcome", "Row"]
Row: TypeAlias = tuple[str, Mapping[str, Any]]  # idempotency key and body, as `POST /licences` takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafted(Meant):
    """One row that may be issued."""

    key: str
    body: Mapping[str, Any] = field(repr=False)
    request: IssueRequest = field(repr=False)

    @property
    def live_key(self) -> str:
        """The text under which its right is unique."""
        version = self.draft.entry.version
        assert version  # noqa: S101 - a first entry has a document
        return live_key(self.draft.template.slug, self.draft.template.number_of(version.face), self.department.uscc)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Carries chunks of rows for one client; `issue` opens new licences, other acts come from `continuing`."""

    registrar: Registrar
    reserving: Reserving
    openings: Openings
    appendings: Appendings
    packer: Packer
    step: Callable[[str], None] = field(default=lambda _name: None, repr=False)  # told of each step before it begins

    def issue(self, caller: Client, rows: Sequence[Row]) -> list[Outcome]:
        """Issue all rows and return what became of each, in order; repeating it gives the same licences (AI-01).

        A row that is refused does not stand in the way of the others. Raise `PageDisagrees` where a printed page does not say what its
        face says, or a foreign reader finds it or its seal wrong: then nothing of this chunk is entered.
        """
        line = self.registrar.line
        standing = replace(self.registrar, line=replace(line, law=line.law.standing()))  # one law for all rows of a chunk
        return replace(self, registrar=standing).issue_standing(caller, rows)

    def issue_standing(self, caller: Client, rows: Sequence[Row]) -> list[Outcome]:
        """Issue all rows under the law that this registrar knows; see `issue`."""
        outcomes: dict[int, Outcome] = {}
        drafted = [one for at, row in enumerate(rows) if (one := self._drafted(caller, at, row, outcomes))]
        together, alone = self._sorted(drafted)
        self.step("reserve")
        intents = [self.registrar.intent(caller, one.key, one.body, one.department, one.draft, one.request) for one in together]
        reserved = self.reserving.reserve_all(intents, self.registrar.line.now())
        fresh: list[tuple[_Drafted, Reservation]] = []
        under_way: set[str] = set()
        for row, found in zip(together, reserved, strict=True):
            if isinstance(found, Refusal):
                outcomes[row.at] = found
            elif found.state == "reserved" and found.reservation_id not in under_way:
                under_way.add(found.reservation_id)
                fresh.append((row, found))
            else:
                alone.append(row)
        outcomes.update(self.carry(caller, fresh))
        for row in sorted(alone, key=lambda one: one.at):
            outcomes[row.at] = told(lambda row=row: self.registrar.issue(caller, row.key, row.body))  # type: ignore[misc]
        return [outcomes[at] for at in range(len(rows))]

    # -- before anything is written ------------------------------------------------------------------

    def _drafted(self, caller: Client, at: int, row: Row, outcomes: dict[int, Outcome]) -> _Drafted | None:
        key, body = row
        line = self.registrar.line
        try:
            request = requests.read_issue(body)
            template, department = granted(line, caller, request.type, request.decision, body, request.faults)
            draft = first_draft(line, caller, template, department, request, Act.ISSUE, placed=False)
            return _Drafted(at=at, key=key, body=body, request=request, department=department, draft=draft)
        except (Refusal, Unavailable) as refused:
            outcomes[at] = refused
            return None

    def _sorted(self, drafted: Sequence[_Drafted]) -> tuple[list[_Drafted], list[_Drafted]]:
        """Return the rows that go together, and those that go alone: under another licence, or with a number that is held."""
        taken = self.openings.taken([one.live_key for one in drafted])
        together: list[_Drafted] = []
        alone: list[_Drafted] = []
        for one in drafted:
            free = one.live_key not in taken and one.draft.entry.parent is None and is_held(seal_of(one))
            (together if free else alone).append(one)
            taken.add(one.live_key)
        return together, alone

    # -- from the reservations to the entries --------------------------------------------------------

    def carry(self, caller: Client, reserved: Sequence[tuple[Meant, Reservation]]) -> dict[int, Outcome]:
        """Carry reserved rows to their end together, all of them first entries or none; return what became of them by their places."""
        outcomes: dict[int, Outcome] = {}
        self.step("draw")
        pressing = Pressing(self.registrar, caller)
        printed = pressing.printed(reserved, outcomes)
        if not printed:
            return outcomes
        try:
            entered: Sequence[Entry | None] = self._entered(self._sealed(printed))
        except EntryConflict:
            entered = [None] * len(printed)
        except Unavailable as trouble:
            self._leave(printed)  # the retry or the worker goes on at once
            return outcomes | {one.row.at: trouble for one in printed}
        for one, entry in zip(printed, entered, strict=True):
            # Another took a number, a licence or a reservation meanwhile: such a row finds its own end.
            outcomes[one.row.at] = self._done(caller, one, entry) if entry else told(lambda one=one: pressing.alone(one.reservation))  # type: ignore[misc]
        return outcomes

    def _entered(self, sealed: Sequence[tuple[_Printed, Pressed, Entry]]) -> Sequence[Entry | None]:
        """Keep the documents and enter the acts; None stands for one that another stood in the way of."""
        line = self.registrar.line
        self.step("archive")
        shown = [(pressed, digest_of(entry), list(one.order.sheet.photos.values())) for one, pressed, entry in sealed]
        places = self.packer.pack(shown, line.now())
        self.step("append")
        contents = {one.reservation.reservation_id: one.reservation.content for one, _, _ in sealed}
        if any(one.row.record is None for one, _, _ in sealed):
            opened = [Opened(entry, line.beside(one.reservation, entry), places[digest_of(entry)]) for one, _, entry in sealed]
            return self.openings.open_all(opened, contents)
        later = [
            Appended(entry, one.row.record, line.beside(one.reservation, entry, one.row.record), places[digest_of(entry)])
            for one, _, entry in sealed
            if one.row.record
        ]
        return self.appendings.append_all(later, contents)

    def _sealed(self, printed: Sequence[_Printed]) -> list[tuple[_Printed, Pressed, Entry]]:
        """Seal all files; every use of the seal is written down before and after."""
        line = self.registrar.line
        asked = [replace(one.order.use, event="requested", document_sha256=one.laid.digest().hex()) for one in printed]
        if any(line.seal_log.stopped(seal_id) for seal_id in {use.seal_id for use in asked}):
            line.seal_log.write_all([replace(use, event="refused", reason="stopped") for use in asked], line.now())
            raise SealStopped
        self.step("request-seal")
        line.seal_log.write_all(asked, line.now())
        self.step("seal")
        try:
            sealed = self._signed(printed)
        except (PageDisagrees, Unavailable) as trouble:
            line.seal_log.write_all([replace(use, event="failed", reason=trouble.slug) for use in asked], line.now())
            if isinstance(trouble, PageDisagrees):  # nothing of this chunk may be entered later either
                for one in printed:
                    line.reservations.abandon(one.reservation.reservation_id, trouble.detail)
            raise
        self.step("sealed")
        done = [replace(use, event="done", sealed_sha256=digest_of(entry)) for use, (_, _, entry) in zip(asked, sealed, strict=True)]
        line.seal_log.write_all(done, line.now())
        return sealed

    def _signed(self, printed: Sequence[_Printed]) -> list[tuple[_Printed, Pressed, Entry]]:
        """Have every file signed, as many at once as its seal has lanes; whichever is signed first, each gets its own."""
        seals = {one.order.use.seal_id: one.seal for one in printed}
        sealed = []
        judged: set[tuple[int, str]] = set()  # editions and seals of which one was judged
        with ExitStack() as lanes:
            slots = {seal_id: lanes.enter_context(closing(seal.slots_over(self._asked(seal_id, printed)))) for seal_id, seal in seals.items()}
            for number, one in enumerate(printed):
                kind = (id(one.template), one.order.use.seal_id)
                pressed = one.laid.sealed(next(slots[one.order.use.seal_id]))
                assert one.entry.version  # noqa: S101
                if number % JUDGED == 0 or kind not in judged:
                    self._judge(pressed, one)
                    judged.add(kind)
                sealed.append((one, pressed, replace(one.entry, version=replace(one.entry.version, document=pressed.digests()))))
        return sealed

    def _asked(self, seal_id: str, printed: Sequence[_Printed]) -> Iterator[bytes]:
        """Yield what one seal is to sign; an order to stop it holds for whatever was not asked yet, and nothing of the chunk is entered."""
        for number, one in enumerate(one for one in printed if one.order.use.seal_id == seal_id):
            if number % STOPPABLE == STOPPABLE - 1 and self.registrar.line.seal_log.stopped(seal_id):
                raise SealStopped
            yield one.laid.digest()

    def _judge(self, pressed: Pressed, one: _Printed) -> None:
        """Let the slow reader look at the page, and a foreign validator at the whole file."""
        content, sheet = pressed.content, one.order.sheet
        self.registrar.line.printer.agree(content, sheet)
        finding = self.registrar.examiner.examine(content)
        if not (finding.signed and finding.intact and finding.covers_whole_file):
            raise PageDisagrees("a printed file does not carry its seal as it should")
        if attachment(content) != one.order.attachment or codes(content) != [sheet.code_text]:
            raise PageDisagrees("a printed file does not carry its data or its code as it should")

    def _leave(self, printed: Sequence[_Printed]) -> None:
        for one in printed:
            self.registrar.line.reservations.let_go(one.reservation.reservation_id, self.registrar.line.now())

    @staticmethod
    def _done(caller: Client, one: _Printed, entry: Entry) -> Done:
        """Return the answer; codes go only to the client that made the reservation (DESIGN §2)."""
        version, reservation = entry.version, one.reservation
        assert version  # noqa: S101
        assert entry.recorded_at  # noqa: S101 - it was entered
        mine = reservation.client == caller.name
        return Done(
            entry.licence_id, entry.sequence, entry.act.value, entry.recorded_at, version.elicence_id, one.template.number_of(version.face), version.version,
            reservation.check_code if mine else None, reservation.delivery_code if mine else None, one.order.sheet.code_text if mine else None,
        )  # fmt: skip
