"""Printed pages under their seals, many at once: every use written down before and after, some files judged by foreign eyes.

Before a part is signed its uses are written down, which waits for the disk and for whoever else writes; meanwhile the next part is
printed. A key in this process signs as it is called. One in a token answers after milliseconds in which nothing happens here, so such a
part is signed meanwhile, too. Not more than these two are in memory.

What became of a part's uses is written with the next part's requests, in one transaction: half as many waits for the disk, and for whoever
else writes. Uses of which nothing was written, because somebody was killed meanwhile, stay on record as asked for.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import TypeAlias

from licence_service.chunk_rows import Misjudged, Printed, ShutOut, digest_of
from licence_service.document.press import Pressed
from licence_service.document.reading import attachment
from licence_service.errors import PageDisagrees, SealBraked, SealStopped, Unavailable
from licence_service.frozen import replace
from licence_service.licence import Entry
from licence_service.registrar import Registrar
from licence_service.seal import Finding
from licence_service.store.seal_log import SealUse

_TURN_SECONDS = 0.0005
STOPPABLE = 100  # after so many signatures an order to stop the seal is looked for
LONG_SECONDS = 10.0  # after so long in one part, too, and whether who asked still may
JUDGED = 1000  # of so many licences one, and the first of each edition and seal in a chunk, is read by foreign readers and examined whole

SealedFile: TypeAlias = tuple[Printed, Pressed, Entry]  # a row with its sealed file and the entry that names it


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part whose uses are written down, and its files where it is signed already."""

    printed: Sequence[Printed]
    asked: Sequence[SealUse]
    sealed: list[SealedFile] | None


@dataclass(slots=True)
class SealingMany:
    """Seals the files of one chunk, part after part."""

    registrar: Registrar
    step: Callable[[str], None] = field(repr=False)  # told of each step before it begins
    allowed: Callable[[], object] = field(default=lambda: None, repr=False)  # raises `ShutOut` where who asked may no longer
    _sealed: int = 0  # files of the chunk so far
    _judged: set[tuple[int, str]] = field(default_factory=set)  # editions and seals of which one was judged
    _answered: list[SealUse] = field(default_factory=list)  # what became of the last part's uses, not yet on record
    _examining: ThreadPoolExecutor = field(init=False)
    _examined: list[tuple[Printed, Future[Finding]]] = field(default_factory=list)  # files under the eyes of the foreign validator

    def each(self, parts: Iterable[Sequence[Printed]]) -> Generator[SealedFile, None, None]:
        """Yield the sealed files of all parts in order, with the entries that name them.

        Parts are taken, so printed, one after the other in the caller's thread, each while the uses of the one before are written down.
        None is asked for after a part before it failed. Close the generator if it is not used up: a part under way goes to its end.
        Raise `SealStopped`, `SealBraked` or `SealUnavailable` where the seal cannot be had, `Misjudged`.
        """
        with _TURNS, ThreadPoolExecutor(1, "sealing") as beside, ThreadPoolExecutor(1, "examining") as self._examining:
            under_way: Future[_Asked] | None = None
            try:
                for printed in parts:
                    finished = self._finished(under_way)
                    under_way = beside.submit(self._ask, printed) if printed else None
                    yield from finished
                    del finished  # whole files: they need not live while the next part is printed
                last, under_way = under_way, None
                yield from self._finished(last)
                self._confirm(wait=True)
            except BaseException as trouble:
                wrong = under_way.exception() if under_way else None
                if under_way and not wrong:
                    self._give_up(under_way.result())
                with suppress(Unavailable):  # a register that cannot write now holds them as asked for
                    self._answer()
                if not isinstance(wrong, Misjudged) and not isinstance(trouble, Misjudged):
                    wrong = self._unheard()
                if isinstance(wrong, Misjudged) and wrong is not trouble:
                    raise wrong from trouble  # whatever else went wrong: nothing of the chunk may go on
                if wrong and isinstance(trouble, SealBraked):
                    raise wrong from trouble  # a full hour would let through what is sealed, though no validator spoke of it
                raise
            self._answer()

    def _ask(self, printed: Sequence[Printed]) -> _Asked:
        """Write down that the seals are asked for, and what became of the part before; have signed what lies in a token."""
        line = self.registrar.line
        asked = [replace(one.order.use, event="requested", document_sha256=one.laid.digest().hex()) for one in printed]
        self.step("request-seal")
        brakes = [one.order.brake for one in printed if one.order.brake]
        watches = [one.order.watch for one in printed if one.order.watch]
        try:
            line.seal_log.write_all([*self._answered, *asked], line.now(), brakes, watches)
        except (SealBraked, SealStopped) as refused:
            reason = "ceiling" if isinstance(refused, SealBraked) else "stopped"
            self._answered += [replace(use, event="refused", reason=reason) for use in asked]
            raise
        self._answered = []
        elsewhere = any(one.seal.place != "here" for one in printed)
        return _Asked(printed, asked, self._sealed_by(printed, asked) if elsewhere else None)

    def _finished(self, under_way: Future[_Asked] | None) -> list[SealedFile]:
        """Wait until a part may be signed, and return its sealed files in the same order."""
        part = under_way.result() if under_way else None
        if part is None:
            return []
        return self._sealed_by(part.printed, part.asked) if part.sealed is None else part.sealed

    def _sealed_by(self, printed: Sequence[Printed], asked: Sequence[SealUse]) -> list[SealedFile]:
        """Have a part signed; what became of its uses is written with the next part's."""
        self.step("seal")
        sealed: list[SealedFile] = []
        try:
            self._sign(printed, sealed)
            self._confirm(wait=False)
        except (PageDisagrees, ShutOut, Unavailable) as trouble:
            self._answered = [*_done(asked, sealed), *(replace(use, event="failed", reason=trouble.slug) for use in asked[len(sealed) :])]
            raise
        self.step("sealed")
        self._answered = _done(asked, sealed)
        return sealed

    def _give_up(self, part: _Asked) -> None:
        """Say of uses that were asked for, and not begun because another part failed, that nothing was signed."""
        if part.sealed is None:
            self._answered += [replace(use, event="failed", reason="given-up") for use in part.asked]

    def _answer(self) -> None:
        """Write what became of the last part's uses."""
        answered, self._answered = self._answered, []
        if answered:
            line = self.registrar.line
            line.seal_log.write_all(answered, line.now())

    def _sign(self, printed: Sequence[Printed], sealed: list[SealedFile]) -> None:
        """Have every file signed, as many at once as its seal has lanes; whichever is signed first, each gets its own, added to `sealed`."""
        seals = {one.order.use.seal_id: one.seal for one in printed}
        with ExitStack() as lanes:
            slots = {seal_id: lanes.enter_context(closing(seal.slots_over(self._asked(seal_id, printed)))) for seal_id, seal in seals.items()}
            for one in printed:
                pressed = one.laid.sealed(next(slots[one.order.use.seal_id]))
                kind = (id(one.template), one.order.use.seal_id)
                assert one.entry.version  # noqa: S101 - only acts with a document are printed
                sealed.append((one, pressed, replace(one.entry, version=replace(one.entry.version, document=pressed.digests()))))
                if self._sealed % JUDGED == 0 or kind not in self._judged:
                    self._judge(pressed, one, whole=kind not in self._judged)
                    self._judged.add(kind)
                self._sealed += 1

    def _asked(self, seal_id: str, printed: Sequence[Printed]) -> Iterator[bytes]:
        """Yield what one seal is to sign; an order to stop it holds for whatever was not asked yet, and nothing of the chunk is entered."""
        last = monotonic()
        for number, one in enumerate(one for one in printed if one.order.use.seal_id == seal_id):
            if late := monotonic() - last > LONG_SECONDS:
                last = monotonic()
                self.allowed()
            if (late or number % STOPPABLE == STOPPABLE - 1) and self.registrar.line.seal_log.stopped(seal_id):
                raise SealStopped
            yield one.laid.digest()

    def _judge(self, pressed: Pressed, one: Printed, *, whole: bool) -> None:
        """Let the slow reader look at the page, of an edition's first with its frames, and a foreign validator at the file while the next are sealed."""
        content, sheet, printer = pressed.content, one.order.sheet, self.registrar.line.printer
        self._examined.append((one, self._examining.submit(self.registrar.examiner.examine, content, own=True)))
        try:
            codes = printer.judge(content, sheet, whole=whole)
        except PageDisagrees as wrong:
            raise Misjudged.of(one.row, one.reservation, wrong.detail) from wrong
        if attachment(content) != one.order.attachment or codes != [sheet.code_text]:
            raise Misjudged.of(one.row, one.reservation, "a printed file does not carry its data or its code as it should")

    def _unheard(self) -> Misjudged | Unavailable | None:
        """Wait for the validator and return why files that are sealed may not go on, if they may not."""
        try:
            self._confirm(wait=True)
        except (Misjudged, Unavailable) as why:
            return why
        return None

    def _confirm(self, *, wait: bool) -> None:
        """Hear what the validator said of each file, or only of those that it has seen; nothing is entered before it said all.

        Raise `Misjudged` for a file that it found wrong, else `Unavailable` where it could say nothing of one.
        """
        heard = [(one, finding) for one, finding in self._examined if wait or finding.done()]
        self._examined = [each for each in self._examined if each not in heard]
        silent: Unavailable | None = None
        for one, future in heard:
            try:
                finding = future.result()
            except Unavailable as busy:
                silent = busy
                continue
            if "examination-stopped" in finding.reasons:  # a machine that is too busy says nothing of the file
                silent = Unavailable("the foreign reader could not read a file in its time; the chunk may go on later")
            elif not finding.whole:
                raise Misjudged.of(one.row, one.reservation, "a printed file does not carry its seal as it should")
        if silent:
            raise silent


class _Turns:
    """Let a thread that has its signature wait half a millisecond at most while another prints: by default it is five, as long as a token takes."""

    def __init__(self) -> None:
        self._lock, self._chunks, self._was = Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if self._chunks == 0:
                self._was = sys.getswitchinterval()
                sys.setswitchinterval(min(self._was, _TURN_SECONDS))
            self._chunks += 1

    def __exit__(self, *_trouble: object) -> None:
        with self._lock:
            self._chunks -= 1
            if self._chunks == 0:  # the last of the chunks that went side by side, whichever began
                sys.setswitchinterval(self._was)


_TURNS = _Turns()


def _done(asked: Sequence[SealUse], sealed: Sequence[SealedFile]) -> list[SealUse]:
    """Return what the log says of the first uses that were asked for, which gave these files."""
    return [replace(use, event="done", sealed_sha256=digest_of(entry)) for use, (_, _, entry) in zip(asked, sealed, strict=False)]
