"""Status lists (状态清单): two bits for each version, after the IETF's Token Status List (STANDARDS §6.3, docs/offline.md).

Pure: what a status is, how an array of them is written, and what changed between two arrays. Signing is handed in.
"""

from licence_service.status.changes import BadChanges, changed, changes, read_days, written_days
from licence_service.status.lists import BITS, LIST_BYTES, PLACES, BadList, Status, blank, compressed, expanded, put, status_at, status_of

__all__ = [
    "BITS", "LIST_BYTES", "PLACES", "BadChanges", "BadList", "Status", "blank", "changed", "changes", "compressed", "expanded", "put",
    "read_days", "status_at", "status_of", "written_days",
]  # fmt: skip
