"""Many acts with a document on licences that are there, carried together as `chunks` carries new ones.

Each act is drafted and refused by itself, as the registrar does it, and keeps its own key: whoever begins one again, here or one by one,
comes to the same entry. What does not go with the others (its seal is elsewhere, the press hands it over, its licence went on meanwhile)
goes one by one at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from licence_service import authority
from licence_service.chunk_rows import Meant, Outcome, told
from licence_service.chunks import Chunks
from licence_service.deciding import drafted
from licence_service.drafting import Draft
from licence_service.errors import KeyReused, NotInRegister, Refusal, TransitionRefused, Unavailable
from licence_service.licence import beijing_day
from licence_service.pressing import seal_of
from licence_service.registrar import Registrar
from licence_service.requests import ActRequest
from licence_service.seal import is_held
from licence_service.store.clients import Client
from licence_service.store.record import Record
from licence_service.store.reservations import Intent, Reservation

MOST_PHOTOS = 20_000_000  # bytes of the photos that are held at once, and kept in one segment: a chunk of many is carried in parts


@dataclass(frozen=True, slots=True)
class Later:
    """One act on a licence that is there. `digest` is that of what asks for it: the same key with another one is another request.

    `record` is the licence as it was read when the act was judged. `begun` is what an earlier attempt reserved under this key.
    """

    key: str
    digest: str
    record: Record = field(repr=False)
    request: ActRequest | None = field(default=None, repr=False)
    begun: Reservation | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Continuing:
    """Enters chunks of later acts for one client."""

    chunks: Chunks

    def begun(self, caller: Client, keys: Sequence[str]) -> Mapping[str, Reservation]:
        """Return what was reserved under these keys before, by key; what is not entered yet is this caller's from now on."""
        return self.chunks.reserving.taken_over(caller.name, keys, self.chunks.registrar.line.now())

    def enter(self, caller: Client, acts: Sequence[Later]) -> list[Outcome]:
        """Enter all acts and return what became of each, in order; repeating it gives the same entries.

        One that is refused does not stand in the way of the others. Raise `Wrong` where a printed page or its seal is found wrong:
        then nothing of this chunk is entered; the next time the act that was wrong is refused, and the others go on.
        """
        registrar = replace(self.chunks.registrar, line=self.chunks.registrar.line.standing())  # one law for all acts of a chunk
        chunks = replace(self.chunks, registrar=registrar)
        outcomes: list[Outcome] = []
        gone: Unavailable | None = None
        for part in self._parts(acts):
            found = [gone] * len(part) if gone else _Round(chunks, registrar, caller).enter(part)
            gone = next((one for one in found if isinstance(one, Unavailable)), None)  # what cannot be had now is not asked for again at once
            outcomes += found
        return outcomes

    def _parts(self, acts: Sequence[Later]) -> Iterator[list[Later]]:
        """Yield the acts in order, so many at a time that their licences' photos take no more than `MOST_PHOTOS`, each photo counted once."""
        shown = [_photos_of(act.record) for act in acts]
        sizes = self.chunks.reserving.photo_bytes({digest for each in shown for digest in each})
        part: list[Later] = []
        held: set[str] = set()
        room = MOST_PHOTOS
        for act, each in zip(acts, shown, strict=True):
            room -= sum(sizes.get(digest, 0) for digest in each - held)
            if part and room < 0:
                yield part
                part, held, room = [], set(), MOST_PHOTOS - sum(sizes.get(digest, 0) for digest in each)
            part.append(act)
            held |= each
        if part:
            yield part


def _photos_of(record: Record) -> set[str]:
    """Return the digests of the photos on the newest document of a licence."""
    return next((set(one.version.photos.values()) for one in reversed(record.entries) if one.version), set())


@dataclass(frozen=True, slots=True)
class _Round:
    """One chunk of acts under one law."""

    chunks: Chunks
    registrar: Registrar
    caller: Client
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def enter(self, acts: Sequence[Later]) -> list[Outcome]:
        restored = [one for at, act in enumerate(acts) if act.begun and act.begun.state == "reserved" and (one := self._restored(at, act))]
        reserved = [(one, begun) for one in self._pictured(restored) if (begun := acts[one.at].begun)]
        meant = [one for at, act in enumerate(acts) if act.request and not act.begun and (one := self._drafted(at, act, act.request))]
        together = self._pictured([one for one in meant if is_held(seal_of(one))])
        self.chunks.step("reserve")
        found = self.chunks.reserving.reserve_all([self._intent(one, acts[one.at]) for one in together], self.registrar.line.now())
        for one, reservation in zip(together, found, strict=True):
            if isinstance(reservation, Refusal):
                self.outcomes[one.at] = reservation
            elif reservation.made_now:
                reserved.append((one, reservation))
        if reserved:
            self.outcomes.update(self.chunks.carry(self.caller, reserved))
        return [self.outcomes[at] if at in self.outcomes else self._alone(act) for at, act in enumerate(acts)]

    def _drafted(self, at: int, act: Later, request: ActRequest) -> Meant | None:
        """Draft an act, or keep why it is refused."""
        line, today = self.registrar.line, beijing_day(self.registrar.line.now())
        try:
            draft = drafted(line, self.caller, act.record, request, today, placed=False)
            if draft.entry.version is None:
                raise TransitionRefused("this act has no document", facts={"act": request.act.value})
            return Meant(at, authority.sealer(line, self.caller, act.record, request.act, today), draft, act.record)
        except (Refusal, Unavailable) as refused:
            self.outcomes[at] = refused
            return None

    def _restored(self, at: int, act: Later) -> Meant | None:
        """Return an act that was reserved before, as it was meant then; one whose licence went on meanwhile goes by itself."""
        assert act.begun  # noqa: S101 - asked for by the caller
        if act.begun.content["request"] != act.digest:
            self.outcomes[at] = KeyReused()
            return None
        line = self.registrar.line
        entry, template = line.restored(act.begun)
        if entry.sequence != act.record.entries[-1].sequence + 1:
            return None
        return Meant(at, line.keyring.departments[act.begun.department], Draft(entry, template), act.record)

    def _pictured(self, meant: Sequence[Meant]) -> list[Meant]:
        """Return the acts with the photos of their faces, fetched together; one whose photo is not kept is refused."""
        digests = [one.draft.entry.version.photos if one.draft.entry.version else {} for one in meant]
        kept = self.chunks.reserving.photos({digest for each in digests for digest in each.values()})
        found = []
        for one, each in zip(meant, digests, strict=True):
            there = {name: one.draft.photos.get(name) or kept.get(digest) for name, digest in each.items()}
            if None in there.values():
                self.outcomes[one.at] = NotInRegister("a photo of this licence is not kept")
                continue
            found.append(replace(one, draft=replace(one.draft, photos={name: jpeg for name, jpeg in there.items() if jpeg})))
        return found

    def _intent(self, one: Meant, act: Later) -> Intent:
        return self.registrar.later_intent(self.caller, act.key, act.digest, act.record, one.draft, one.department.uscc)

    def _alone(self, act: Later) -> Outcome:
        """Enter an act by itself, or answer with what it became."""
        if act.begun:
            begun = act.begun
            if begun.state == "reserved":
                self.registrar.line.reservations.let_go(begun.reservation_id, self.registrar.line.now())
            return told(lambda: self.registrar.carrier.carried(self.registrar.line.reservations.get(begun.reservation_id)))
        request = act.request
        if request is None:
            return KeyReused()
        return told(lambda: self.registrar.enter(self.caller, act.key, act.digest, act.record, request))
