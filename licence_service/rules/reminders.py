"""Reminders as dated data: which dates a holder is told of, how long before, what is to be done, and by whom (DOMAIN M18)."""

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field as Declared
from pydantic.dataclasses import dataclass

from licence_service.fields.declared import STRICT
from licence_service.template import Words

Duty: TypeAlias = Literal["renewal_opens", "renewal", "last_day", "lapse", "condition", "unmet", "age", "suspension", "transfer"]
DUTIES: tuple[str, ...] = get_args(Duty)


@dataclass(frozen=True, config=STRICT)
class Saying:
    """What is said of a duty. `about` narrows it to endorsement kinds or fields that print a due day; none is all.

    `days` before its day the holder is told, once; without it the day is only listed. In `do`, `{day}` is the day and `{about}` the title
    of what it is about.
    """

    duty: Duty
    do: Words
    by: Words
    days: Annotated[int, Declared(ge=0, le=3650)] | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Reminders:
    """All sayings for some types; the first that means a duty counts."""

    way: Literal["reminders"]
    say: tuple[Saying, ...]

    def of(self, duty: str, about: str) -> Saying | None:
        """Return what is said of a duty about something; None where nothing is."""
        return next((one for one in self.say if one.duty == duty and (not one.about or about in one.about)), None)
