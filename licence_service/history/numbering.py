"""Which entries an asker sees, and by which numbers (DOMAIN §2d; EN-03)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from licence_service.endorsement import Endorsement
from licence_service.fields import Asker
from licence_service.licence import Act, Entry
from licence_service.template import EndorsementKind

INSIDE = frozenset({Asker.CLERK, Asker.HOLDER})  # who sees what was asserted and is not accepted (EN-03), and systems and references
OF_PENALTIES = INSIDE | {Asker.OFFICER}  # who sees violations, and so what sort a suspension is (DOMAIN §2d)
_WAITING = frozenset({Act.ASSERT, Act.REFUSE_ENDORSEMENT})
_ABOUT_FACTS = _WAITING | {Act.ENDORSE, Act.WITHDRAW_ENDORSEMENT}


@dataclass(frozen=True, slots=True)
class Shown:
    """The known entries of a licence before one kind of asker.

    What the asker may not see is not there. For an asker outside the department the rest is counted anew from one: a gap in the
    numbers would tell that something is hidden.
    """

    entries: tuple[Entry, ...]
    kinds: Mapping[str, EndorsementKind]
    asker: Asker
    numbers: Mapping[int, int] = field(init=False)  # sequence → the number it is shown by
    _written: Mapping[str, Endorsement] = field(init=False)

    def __post_init__(self) -> None:
        """Decide once what is seen."""
        object.__setattr__(self, "_written", {one.endorsement_id: one for entry in self.entries for one in entry.endorsements})
        seen = [entry.sequence for entry in self.entries if self._sees(entry)]
        numbers = {sequence: sequence if self.asker in INSIDE else place for place, sequence in enumerate(seen, 1)}
        object.__setattr__(self, "numbers", numbers)

    def __iter__(self) -> Iterator[Entry]:
        """Return the entries that are seen, oldest first."""
        return (entry for entry in self.entries if entry.sequence in self.numbers)

    def kind(self, endorsement: Endorsement) -> EndorsementKind | None:
        """Return the kind of an endorsement that this asker sees.

        A record that an act writes of itself says nothing that the entry does not: only the department and the holder see it.
        """
        kind = self.kinds.get(endorsement.kind)
        if kind is None or self.asker not in kind.disclose or (kind.written_by and self.asker not in INSIDE):
            return None
        return kind

    def about(self, entry: Entry) -> Endorsement | None:
        """Return the endorsement that an entry refuses or withdraws."""
        return self._written.get(entry.refused or entry.withdrawn or "")

    def brought_by(self, endorsement_id: str) -> int | None:
        """Return the number of the entry that last wrote an endorsement, if it is seen."""
        found = [entry.sequence for entry in self.entries if any(one.endorsement_id == endorsement_id for one in entry.endorsements)]
        return self.numbers.get(found[-1]) if found else None

    def hides_a_fact(self, entry: Entry) -> bool:
        """Say whether an entry is about endorsements of which this asker sees none."""
        if entry.act not in _ABOUT_FACTS:
            return False
        told = self.about(entry)
        return not any(self.kind(one) for one in ((*entry.endorsements, told) if told else entry.endorsements))

    def _sees(self, entry: Entry) -> bool:
        if entry.recorded_only and self.asker not in OF_PENALTIES:
            return False  # it changed nothing, and may be a penalty
        if entry.act in _WAITING and self.asker not in INSIDE:
            return False
        return entry.version is not None or not self.hides_a_fact(entry)
