"""Many acts with a document together: one short transaction to reserve them, one segment, one short transaction to enter them.

The same steps in the same order as the issue line (`line`), each taken for all rows before the next. Whatever is killed in between
leaves reservations without entries, which the retry or the server's worker carries to their end one by one; a row that does not go
with the others (its number is held, its seal is elsewhere, the press hands it over) goes that way at once.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from licence_service import heap, requests
from licence_service.answered import note_all
from licence_service.chunk_rows import Made, Meant, Misjudged, Outcome, Printed, ShutOut, digest_of, done_of, photos_of, told
from licence_service.confirming import asked_ahead, confirmed, first_on
from licence_service.drafting import Draft
from licence_service.errors import EntryConflict, PageDisagrees, Refusal, SealBraked, SealStopped, Unavailable
from licence_service.licence import Act, Entry, beijing_day
from licence_service.line import live_key
from licence_service.packing import Filling, Packer
from licence_service.preflight import first_draft, granted
from licence_service.pressing import Pressing, seal_of
from licence_service.registrar import Registrar
from licence_service.requests import IssueRequest
from licence_service.seal import is_held
from licence_service.sealing_many import SealedFile, SealingMany
from licence_service.store.appending import Appended, Appendings
from licence_service.store.clients import Client
from licence_service.store.openings import Opened, Openings
from licence_service.store.reservations import Reservation
from licence_service.store.reserving import Reserving
from licence_service.store.seal_log import Brake, braked_until
from licence_service.store.source_waits import whose_of
from licence_service.waiting import Unnoted, noted

_LOG = logging.getLogger(__name__)
CHUNK = 3000  # rows, as a rule: a version takes some 3 kB, and an object of a store should have 8 MB and more
PART = 240  # rows that are printed, sealed and packed before the next: a process holds so many whole files
_ASKED_AT_ONCE = 8  # rows about which sources are asked
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
    of_stock: bool = False  # rows are released ones of a stock: each is a conversion and says its origin
    allowed: Callable[[], object] = field(default=lambda: None, repr=False)  # asked all along: raises `ShutOut` where the caller may no longer

    def converting(self) -> "Chunks":
        """Return what carries released rows of a stock (ST-01)."""
        return replace(self, of_stock=True)

    def issue(self, caller: Client, rows: Iterable[Row]) -> list[Outcome]:
        """Issue all rows and return what became of each, in order; repeating it gives the same licences (AI-01).

        Rows of which nobody else holds the bodies take no memory from their reservations on.
        A row that is refused does not stand in the way of the others. Raise `Wrong`, which names the row, where a printed page does not say
        what its face says, or a foreign reader finds it or its seal wrong: then nothing of this chunk is entered. The next time that row is
        refused, and the others go on. Raise `ShutOut` where the caller may no longer: then nothing more is entered, and the keys are free again.
        """
        standing = replace(self.registrar, line=self.registrar.line.standing())  # one law for all rows of a chunk
        return replace(self, registrar=standing).issue_standing(caller, rows)

    def issue_standing(self, caller: Client, rows: Iterable[Row]) -> list[Outcome]:
        """Issue all rows under the law that this registrar knows; see `issue`."""
        with heap.unhurried():
            return replace(self, registrar=replace(self.registrar, line=self.registrar.line.in_a_round(noted_later=True)))._issued(caller, list(rows))  # noqa: SLF001 - its own

    def _issued(self, caller: Client, rows: list[Row]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        drafted, registrar = self._confirmed(caller, self._drafts(caller, rows, outcomes), outcomes)
        registrar = replace(registrar, line=registrar.line.noting_at_once())
        one_by_one = registrar.convert if self.of_stock else registrar.issue
        fresh, alone = self._reserved(caller, drafted, outcomes)
        del drafted
        self._note(caller, rows, outcomes)
        for row, _ in fresh:
            rows[row.at] = (rows[row.at][0], {})  # megabytes, photographs in base64 above all
        outcomes.update(self.carry(caller, fresh))
        for one in sorted(alone, key=lambda one: one.at):
            self.allowed()
            outcomes[one.at] = told(lambda one=one: one_by_one(caller, one.key, one.body))  # type: ignore[misc]
        return [outcomes[at] for at in range(len(rows))]

    def _reserved(
        self, caller: Client, drafted: Sequence[_Drafted], outcomes: dict[int, Outcome]
    ) -> tuple[list[tuple[Meant, Reservation]], list[_Drafted]]:  # fmt: skip
        """Reserve the rows that go together, and return what is meant by them, and those that go alone."""
        together, alone = self._sorted(drafted)
        self.step("reserve")
        reserved = self.reserving.reserve_all(
            [self.registrar.intent(caller, one.key, one.body, one.department, one.draft, one.request) for one in together], self.registrar.line.now()
        )
        fresh: list[tuple[Meant, Reservation]] = []
        under_way: set[str] = set()
        for row, found in zip(together, reserved, strict=True):
            if isinstance(found, Refusal):
                outcomes[row.at] = found
            elif found.state == "reserved" and found.reservation_id not in under_way:
                under_way.add(found.reservation_id)
                fresh.append((Meant(row.at, row.department, row.draft), found))
            else:
                alone.append(row)
        return fresh, alone

    def _note(self, caller: Client, rows: Sequence[Row], outcomes: dict[int, Outcome]) -> None:
        """Note which sources were silent about which rows, and on their cases what was refused so far."""
        line = self.registrar.line
        silent = {at: (one, *rows[at]) for at, one in outcomes.items() if isinstance(one, Unnoted)}
        outcomes.update(zip(silent, noted(line, caller, list(silent.values())), strict=True))
        if not self.of_stock:
            note_all(line, self.registrar.answers, caller, [(rows[at][1], one) for at, one in outcomes.items()])

    # -- before anything is written ------------------------------------------------------------------

    def _drafts(self, caller: Client, rows: Sequence[Row], outcomes: dict[int, Outcome]) -> list[_Drafted]:
        """Return the rows that may be issued; where sources are asked about them, some at a time: the slowest answer is waited for once, not for each."""
        drafts: Iterable[_Drafted | None]
        if self.registrar.line.connectors is None:
            drafts = [self._drafted(caller, at, row, outcomes) for at, row in enumerate(rows)]
        else:
            with ThreadPoolExecutor(_ASKED_AT_ONCE, "rows") as pool:
                drafts = list(pool.map(lambda at: self._drafted(caller, at, rows[at], outcomes), range(len(rows))))
        return [one for one in drafts if one]

    def _confirmed(self, caller: Client, drafted: Sequence[_Drafted], outcomes: dict[int, Outcome]) -> tuple[Sequence[_Drafted], Registrar]:
        """Return the rows whose decisions are confirmed (AI-02), and who issues one of them by itself without asking again."""
        if self.registrar.line.connectors is None:
            return drafted, self.registrar
        whose, acts = whose_of(caller), [first_on(caller.organisation, one.draft, one.request.case_no) for one in drafted]
        registrar = replace(self.registrar, line=asked_ahead(self.registrar.line, whose, acts))
        fit = []
        for one, draft in zip(drafted, confirmed(registrar.line, whose, acts), strict=True):
            if isinstance(draft, Draft):
                fit.append(replace(one, draft=draft))
            else:
                outcomes[one.at] = self._begun(caller, one.key, one.body) or draft
        return fit, registrar

    def _drafted(self, caller: Client, at: int, row: Row, outcomes: dict[int, Outcome]) -> _Drafted | None:
        key, body = row
        line = self.registrar.line
        if line.connectors and (begun := self._begun(caller, key, body)):  # nobody is asked anew about what was decided
            outcomes[at] = begun
            return None
        try:
            request = requests.read_conversion(body) if self.of_stock else requests.read_issue(body)
            template, department = granted(line, caller, request, body)
            draft = first_draft(line, caller, template, department, request, Act.ISSUE, placed=False)
            return _Drafted(at=at, key=key, body=body, request=request, department=department, draft=draft)
        except (Refusal, Unavailable) as refused:
            outcomes[at] = self._begun(caller, key, body) or refused
            return None

    def _begun(self, caller: Client, key: str, body: Mapping[str, Any]) -> Outcome | None:
        """Return what became of an issue that was judged and reserved before: it is carried on, though what it was judged by has grown old."""
        decision, line = body.get("decision"), self.registrar.line
        judged = isinstance(decision, Mapping) and (decision.get("unattended") or line.connectors)
        if self.of_stock or not judged or not line.reservations.by_key(caller.name, key):
            return None
        self.allowed()
        return told(lambda: self.registrar.issue(caller, key, body))

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
        keep = self.reserving.keeper([one.reservation_id for _, one in reserved], self.registrar.line.now)

        def step(name: str) -> None:
            self.step(name)
            keep()

        with heap.unhurried():
            try:
                return replace(self, step=step)._carried(caller, reserved)  # noqa: SLF001 - its own
            except ShutOut as gone:
                self.reserving.give_back(caller.name, [one.reservation_id for _, one in reserved], gone.detail, self.registrar.line.now())
                raise

    def _carried(self, caller: Client, reserved: Sequence[tuple[Meant, Reservation]]) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        made: list[Made] = []
        pressing = Pressing(self.registrar, caller, self.allowed)
        reserved = self._unbraked(reserved, outcomes)
        try:
            sealing, filling = SealingMany(self.registrar, self.step, self.allowed), self.packer.opened(self.registrar.line.now())
            try:
                self._make(sealing.each(self._printed(pressing, filling, reserved, outcomes)), filling, made)
            except SealBraked as full:  # what is sealed is entered; the rest is left for the next hour
                settled = outcomes.keys() | {one.row.at for one in made}
                rest = [one for one in reserved if one[0].at not in settled]
                self._leave(rest)
                outcomes |= {row.at: full for row, _ in rest}
            entered = self._entered(made, filling) if made else ()
            filling.entered()
        except EntryConflict:  # what cannot be said of single rows
            entered = [None] * len(made)
        except PageDisagrees as wrong:
            self._stop(reserved, wrong)
            raise
        except Unavailable as trouble:
            self._leave(reserved)  # the retry or the worker goes on at once
            return {row.at: trouble for row, _ in reserved} | outcomes
        for one, entry in zip(made, entered, strict=True):
            outcomes[one.row.at] = done_of(caller, one, entry) if entry else pressing.told_of(one.reservation)  # another was quicker
        return outcomes

    def _unbraked(self, reserved: Sequence[tuple[Meant, Reservation]], outcomes: dict[int, Outcome]) -> list[tuple[Meant, Reservation]]:
        """Return the rows for which this hour's ceilings have room; the others are left for the next hour before anything is drawn for them (AI-05)."""
        line, now = self.registrar.line, self.registrar.line.now()
        left: dict[Brake, int] = {}
        fitting: list[tuple[Meant, Reservation]] = []
        braked: list[tuple[Meant, Reservation]] = []
        for row, reservation in reserved:
            brake = line.brake(reservation, row.draft.entry, beijing_day(now), row.record)
            if brake and brake not in left:
                left[brake] = line.seal_log.left(brake, now)
            if brake and left[brake] == 0:
                braked.append((row, reservation))
                outcomes[row.at] = braked_until(now)
                continue
            if brake:
                left[brake] -= 1
            fitting.append((row, reservation))
        self._leave(braked)
        return fitting

    def _printed(
        self, pressing: Pressing, filling: Filling, reserved: Sequence[tuple[Meant, Reservation]], outcomes: dict[int, Outcome]
    ) -> Iterator[list[Printed]]:  # fmt: skip
        """Print part after part, so that few whole files are held at once."""
        for start in range(0, len(reserved), PART):
            self.allowed()
            self.step("draw")
            printed = pressing.printed(reserved[start : start + PART], outcomes)
            filling.look_up({digest: jpeg for one in printed for digest, jpeg in photos_of(one.entry, one.order.sheet.photos).items()})
            yield printed

    @staticmethod
    def _make(sealed: Generator[SealedFile, None, None], filling: Filling, made: list[Made]) -> None:
        """Pack the sealed files as they come; `made` gains what is to be entered."""
        with closing(sealed):
            for one, pressed, entry in sealed:
                filling.add(pressed, digest_of(entry), photos_of(entry, one.order.sheet.photos))
                made.append(Made(one.row, one.reservation, entry, one.template, one.order.sheet.code_text))

    def _entered(self, made: Sequence[Made], filling: Filling) -> Sequence[Entry | None]:
        """Keep the documents and enter the acts; None stands for one that another stood in the way of."""
        line = self.registrar.line
        self.step("archive")
        places = filling.close()
        self.step("append")
        if any(line.seal_log.stopped(seal_id) for seal_id in {one.entry.version.seal_id for one in made if one.entry.version}):
            raise SealStopped  # a key may have been lost while this chunk was on its way
        self.allowed()
        if any(one.row.record is None for one in made):
            opened = [Opened(one.entry, line.beside(one.reservation, one.entry), places[digest_of(one.entry)]) for one in made]
            return self.openings.open_all(opened)
        later = [
            Appended(one.entry, one.row.record, line.beside(one.reservation, one.entry, one.row.record), places[digest_of(one.entry)])
            for one in made
            if one.row.record
        ]
        return self.appendings.append_all(later)

    def _stop(self, reserved: Sequence[tuple[Meant, Reservation]], wrong: PageDisagrees) -> None:
        """Nothing of the chunk goes on now. The row that was found wrong is closed and stays so: who comes again with the chunk is told, and the others go on.

        Where its file was sealed already, the others' files are judged by no one: they are closed, too, but may come again under their keys.
        """
        _LOG.error("%s: %s", wrong.slug, wrong.detail)
        if not isinstance(wrong, Misjudged):
            self._leave(reserved)  # the page itself was given up where it was printed
            return
        for _, reservation in reserved:
            mine = reservation.reservation_id == wrong.reservation_id
            self.registrar.line.reservations.abandon(
                reservation.reservation_id, wrong.why if mine else "another of its chunk was wrong", key_too=not mine
            )

    def _leave(self, reserved: Sequence[tuple[Meant, Reservation]]) -> None:
        self.reserving.let_go([reservation.reservation_id for _, reservation in reserved], self.registrar.line.now())
