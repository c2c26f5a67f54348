"""The history of a licence (登记经过): every entry in words, as far as the asker may see it, and what acted when on a time axis.

Pure but for the record it is given. Nothing is stored: it is a reading of the entries at `(valid_at, known_at)` (docs/lifecycle.md).
"""

from licence_service.history.bars import bars_of, due_of
from licence_service.history.items import Library, history_of
from licence_service.history.numbering import Shown

__all__ = ["Library", "Shown", "bars_of", "due_of", "history_of"]
