"""What people filled in: single texts of a form or of a small JSON object, each with its limit; a fault names the place, never the value."""

from collections.abc import Mapping
from typing import Any

from licence_service.errors import Fault, RequestRejected


def text(form: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text that must be there: 1 to `most` characters without the blanks around it."""
    found = optional(form, name, most)
    if found is None:
        raise RequestRejected(faults=[Fault(name, "missing", f"a text of 1 to {most} characters is wanted here")])
    return found


def optional(form: Mapping[str, Any], name: str, most: int) -> str | None:
    """Return a text that may be absent or empty."""
    value = form.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value.strip()) > most:
        raise RequestRejected(faults=[Fault(name, "wrong-length", f"a text of at most {most} characters is wanted here")])
    return value.strip() or None
