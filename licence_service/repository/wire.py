"""What is said to a repository and what it answers (docs/formats.md §15). Names differ from province to province: this is where they stand."""

from enum import StrEnum

REPORT, WITHDRAW, COUNT, LIST = "ReportCatalogue", "WithdrawCatalogue", "CountCatalogue", "ListCatalogue"


class Code(StrEnum):
    """What a repository says of a message."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  # it had this message already
    FORMAT = "format"
    DUPLICATE = "duplicate"  # it has this identifier from another message
    UNKNOWN_ORGANISATION = "unknown-organisation"


TAKEN = frozenset({Code.ACCEPTED, Code.REPEATED})
RETURNED = frozenset({Code.FORMAT, Code.DUPLICATE, Code.UNKNOWN_ORGANISATION})
