"""Printed pages under their seals, many at once: every use written down before and after, some files judged by foreign eyes.

A key in this process signs as it is called. One in a token answers after milliseconds in which nothing happens here; so while a part of a
chunk is signed by such a key, the next part is printed. Not more than these two are in memory.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TypeAlias

from licence_service.chunk_rows import Misjudged, Printed, digest_of
from licence_service.document.press import Pressed
from licence_service.document.reading import attachment, codes
from licence_service.errors import PageDisagrees, SealBraked, SealStopped, Unavailable
from licence_service.frozen import replace
from licence_service.licence import Entry
from licence_service.registrar import Registrar
from licence_service.store.seal_log import SealUse

STOPPABLE = 100  # after so many signatures an order to stop the seal is looked for
JUDGED = 1000  # of so many licences one, and the first of each edition and seal in a chunk, is read by foreign readers and examined whole

SealedFile: TypeAlias = tuple[Printed, Pressed, Entry]  # a row with its sealed file and the entry that names it


@dataclass(slots=True)
class SealingMany:
    """Seals the files of one chunk, part after part."""

    registrar: Registrar
    step: Callable[[str], None] = field(repr=False)  # told of each step before it begins
    _sealed: int = 0  # files of the chunk so far
    _judged: set[tuple[int, str]] = field(default_factory=set)  # editions and seals of which one was judged

    def each(self, parts: Iterable[Sequence[Printed]]) -> Generator[SealedFile, None, None]:
        """Yield the sealed files of all parts in order, with the entries that name them; see `sealed`.

        Parts are taken, so printed, one after the other in the caller's thread; where a key of a part lies in a token, the next part is
        taken while it is signed. Whatever order they are taken in, each part's uses are written down as `sealed` does, and none is
        asked for after a part before it failed. Close the generator if it is not used up: a part under way is signed to its end.
        """
        with ThreadPoolExecutor(1, "sealing") as beside:  # its thread begins with the first part that wants it
            under_way: Future[list[SealedFile]] | None = None
            try:
                for printed in parts:
                    finished = under_way.result() if under_way else []
                    elsewhere = any(one.seal.place != "here" for one in printed)
                    under_way = beside.submit(self.sealed, printed) if elsewhere else None
                    yield from finished
                    del finished  # whole files: they need not live while the next part is printed
                    if under_way is None:
                        yield from self.sealed(printed)
                if under_way:
                    yield from under_way.result()
            except BaseException as trouble:
                wrong = under_way.exception() if under_way else None
                if isinstance(wrong, Misjudged) and wrong is not trouble:
                    raise wrong from trouble  # whatever else went wrong: nothing of the chunk may go on
                raise

    def sealed(self, printed: Sequence[Printed]) -> list[SealedFile]:
        """Return the sealed files in the same order, with the entries that name them.

        Raise `SealStopped`, `SealBraked` or `SealUnavailable` where the seal cannot be had, `Misjudged`.
        """
        if not printed:
            return []
        line = self.registrar.line
        asked = [replace(one.order.use, event="requested", document_sha256=one.laid.digest().hex()) for one in printed]
        if any(line.seal_log.stopped(seal_id) for seal_id in {use.seal_id for use in asked}):
            line.seal_log.write_all([replace(use, event="refused", reason="stopped") for use in asked], line.now())
            raise SealStopped
        self.step("request-seal")
        brakes = [one.order.brake for one in printed if one.order.brake]
        try:
            line.seal_log.write_all(asked, line.now(), brakes)
        except SealBraked:
            line.seal_log.write_all([replace(use, event="refused", reason="ceiling") for use in asked], line.now())
            raise
        self.step("seal")
        sealed: list[SealedFile] = []
        try:
            self._sign(printed, sealed)
        except (PageDisagrees, Unavailable) as trouble:
            failed = [replace(use, event="failed", reason=trouble.slug) for use in asked[len(sealed) :]]
            line.seal_log.write_all([*_done(asked, sealed), *failed], line.now())
            raise
        self.step("sealed")
        line.seal_log.write_all(_done(asked, sealed), line.now())
        return sealed

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
                    self._judge(pressed, one)
                    self._judged.add(kind)
                self._sealed += 1

    def _asked(self, seal_id: str, printed: Sequence[Printed]) -> Iterator[bytes]:
        """Yield what one seal is to sign; an order to stop it holds for whatever was not asked yet, and nothing of the chunk is entered."""
        for number, one in enumerate(one for one in printed if one.order.use.seal_id == seal_id):
            if number % STOPPABLE == STOPPABLE - 1 and self.registrar.line.seal_log.stopped(seal_id):
                raise SealStopped
            yield one.laid.digest()

    def _judge(self, pressed: Pressed, one: Printed) -> None:
        """Let the slow reader look at the page, and a foreign validator at the whole file."""
        content, sheet = pressed.content, one.order.sheet
        try:
            self.registrar.line.printer.agree(content, sheet)
        except PageDisagrees as wrong:
            raise Misjudged.of(one.row, one.reservation, wrong.detail) from wrong
        finding = self.registrar.examiner.examine(content)
        if "examination-stopped" in finding.reasons:  # a machine that is too busy says nothing of the file
            raise Unavailable("the foreign reader could not read a file in its time; the chunk may go on later")
        if not (finding.signed and finding.intact and finding.covers_whole_file):
            raise Misjudged.of(one.row, one.reservation, "a printed file does not carry its seal as it should")
        if attachment(content) != one.order.attachment or codes(content) != [sheet.code_text]:
            raise Misjudged.of(one.row, one.reservation, "a printed file does not carry its data or its code as it should")


def _done(asked: Sequence[SealUse], sealed: Sequence[SealedFile]) -> list[SealUse]:
    """Return what the log says of the first uses that were asked for, which gave these files."""
    return [replace(use, event="done", sealed_sha256=digest_of(entry)) for use, (_, _, entry) in zip(asked, sealed, strict=False)]
