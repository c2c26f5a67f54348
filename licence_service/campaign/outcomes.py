"""What became of a row, in the words of the report (docs/campaigns.md)."""

from licence_service.campaign.judging import Judged
from licence_service.carrying import Done
from licence_service.store.campaigns import Row

CHANGED = "changed"  # since the rehearsal: skipped, never silently done


def became(row: Row, done: Done) -> str:
    """Say what became of a row; an entry that came between the rehearsal and the appending is named, since the table allowed both."""
    return done.act if done.sequence == row.head + 1 else f"{done.act}:behind-another"


def unlike(row: Row, judged: Judged | None) -> str | None:
    """Say that a row would come to something else than it was rehearsed to; None where it comes to the same."""
    if judged is not None and judged.request is not None and judged.same(row.rehearsed, row.head, row.drafted):
        return None
    return f"{CHANGED}:{judged.said}" if judged and judged.said != row.rehearsed else CHANGED
