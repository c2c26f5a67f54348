"""The layout language: what a page of a template may contain. (Placeholder until the layout engineer's version lands.)"""

from pydantic.dataclasses import dataclass

from licence_service.fields.declared import STRICT


@dataclass(frozen=True, config=STRICT)
class Page:
    """One page of a licence."""

    part: str
