"""Whom the identity service vouches for: a person, or a company by its legal representative, with the level at which that was shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_service.errors import Misconfigured
from licence_service.identifiers import is_uscc

PERSON, COMPANY = "person", "company"
REPRESENTATIVE = "legal_representative"
LEVELS = ("1", "2", "3")  # password, real name, face or eID
CLAIMS = ("kind", "number", "name", "level", "role", "agent_number", "agent_name", "session")
MOST_NUMBER, MOST_NAME, MOST_SESSION = 40, 120, 200  # characters


class NotIdentified(Exception):  # noqa: N818
    """The claims identify nobody who could hold a licence; the message says what is missing, never what was said."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as the identity service knows them. A company is spoken for by its legal representative, the `agent` where they are named.

    `session` is the identity service's own name of the log-in, None where it gives none.
    """

    kind: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    level: int
    agent: tuple[str, str] | None = field(default=None, repr=False)  # number and name of the person
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How an identity service says it: our claim → the name of its claim, and its words → ours."""

    names: Mapping[str, str]
    words: Mapping[str, str]

    def identity(self, claims: Mapping[str, Any]) -> Identity:
        """Return who the claims identify; `NotIdentified` where they identify nobody."""
        said = {name: claims.get(theirs) for name, theirs in self.names.items()}
        kind, level, role = (self._word(said[name]) for name in ("kind", "level", "role"))
        number, name = _text(said["number"], MOST_NUMBER), _text(said["name"], MOST_NAME)
        if kind not in {PERSON, COMPANY}:
            raise NotIdentified("it says no kind of holder")
        if level not in LEVELS:
            raise NotIdentified("it says no identity level")
        if number is None or name is None or (kind == COMPANY and not is_uscc(number)):
            raise NotIdentified("it names nobody by number and name")
        agent = None
        if kind == COMPANY:
            if role != REPRESENTATIVE:
                raise NotIdentified("a company is spoken for by its legal representative; others come as themselves, with a delegation")
            who = _text(said["agent_number"], MOST_NUMBER), _text(said["agent_name"], MOST_NAME)
            agent = (who[0], who[1]) if who[0] and who[1] else None
        return Identity(kind, number, name, int(level), agent, _text(said["session"], MOST_SESSION))

    def _word(self, said: object) -> str | None:
        text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else None
        return self.words.get(text, text) if text is not None else None


def reading(names: str, words: str) -> Reading:
    """Return how claims are read, from `ours=theirs` names of claims and `theirs=ours` words; `Misconfigured` where a claim of ours is unknown."""
    named, meant = (dict(one.partition("=")[::2] for one in text.split()) for text in (names, words))
    if unknown := set(named) - set(CLAIMS):
        raise Misconfigured(f"LICENCE_IDENTITY_CLAIMS names the unknown claim {min(unknown)}; there are {', '.join(CLAIMS)}")
    if missing := {"kind", "number", "name", "level", "role"} - set(named):
        raise Misconfigured(f"LICENCE_IDENTITY_CLAIMS does not name the claim of {min(missing)}")
    return Reading({name: named.get(name, "") for name in CLAIMS}, meant)


def _text(said: object, most: int) -> str | None:
    fits = isinstance(said, str) and said.isprintable() and 1 <= len(said.strip()) <= most
    return str(said).strip() if fits else None
