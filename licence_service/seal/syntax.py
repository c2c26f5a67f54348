"""A strict reader of PDF objects as they stand in the file, bounded before it begins (ISO 32000-2 §7.2, §7.3).

It reads what our own files and careful programs write and calls everything else irregular instead of guessing: no
repair, no second way to read the same bytes. Places are byte offsets in the file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

MOST_TOKENS = 100_000  # our licences have 1,400
MOST_DEPTH = 32
_BYTES_OF_A_TOKEN = 64
_SPACES = rb"\x00\t\n\f\r "
_REGULAR = rb"[^\x00\t\n\f\r ()<>\[\]{}/%]"
_SPACE = re.compile(rb"(?:[" + _SPACES + rb"]++|%[^\r\n]*+)*+")
_TOKEN = re.compile(rb"<<|>>|\[|\]|\(|<[0-9A-Fa-f" + _SPACES + rb"]*+>|/" + _REGULAR + rb"*+|" + _REGULAR + rb"++")
_IN_STRING = re.compile(rb"(?:[^()\\]++|\\.)*+([()])", re.DOTALL)
_INTEGER = re.compile(rb"[+-]?\d{1,10}")
_REFERENCE = re.compile(rb"(\d{1,10})[" + _SPACES + rb"]++(\d{1,5})[" + _SPACES + rb"]++R(?!" + _REGULAR + rb")")
_IN_LITERAL = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|.))", re.DOTALL)
_MEANT = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_CLOSING = {b">>": b"<<", b"]": b"["}


class Irregular(ValueError):  # noqa: N818 - a fact, like all refusals
    """The bytes are not what a careful program writes."""


class TooMuch(Irregular):
    """The bytes ask for more than a document may ask for: too many parts, too deep, too large."""


@dataclass(frozen=True, slots=True)
class Hexadecimal:
    """A hexadecimal string: where its `<` stands and where the byte after its `>` does."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an indirect object."""

    number: int
    generation: int


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dictionary; names are decoded (§7.3.5) and carry their slash."""

    entries: Mapping[str, "Value"]


Value: TypeAlias = (
    str | int | bytes | Hexadecimal | Reference | Dictionary | list["Value"]
)  # text: names; bytes: other words, literal strings as written


@dataclass(slots=True)
class Reading:
    """One pass over some bytes: how many tokens were read so far, and every dictionary that was met."""

    content: bytes
    tokens: int = 0
    dictionaries: list[Dictionary] = field(default_factory=list)

    def space(self, place: int) -> int:
        """Return the first place at or after `place` that is neither white space nor a comment."""
        found = _SPACE.match(self.content, place)
        return found.end() if found else place

    def value(self, place: int) -> tuple[Value, int]:
        """Read one value and return it with the place after it; nesting is kept on a list, so that no file can exhaust the stack."""
        open_: list[tuple[bytes, list[Value]]] = []
        while True:
            word, place = self._token(place)
            if word in (b"<<", b"["):
                if len(open_) >= MOST_DEPTH:
                    raise TooMuch("nested too deep")
                open_.append((word, []))
                continue
            value = self._closed(open_, word) if word in _CLOSING else self._plain(word, place)
            if isinstance(value, Reference):
                place = self._after_reference(place - len(word))
            if not open_:
                return value, place
            open_[-1][1].append(value)

    def _token(self, place: int) -> tuple[bytes, int]:
        found = _TOKEN.match(self.content, self.space(place))
        end = found.end() if found else place
        self._count(end - place)
        if found is None:
            raise Irregular("not a token")
        if found[0] == b"(":
            begun, end = found.start(), self._end_of_string(end)
            return self.content[begun:end], end
        return found[0], end

    def _count(self, length: int) -> None:
        """Count a token; a long one counts for more, so that nothing is read over and over."""
        self.tokens += 1 + length // _BYTES_OF_A_TOKEN
        if self.tokens > MOST_TOKENS:
            raise TooMuch("too many tokens")

    def _end_of_string(self, place: int) -> int:
        depth = 1
        while depth:
            found = _IN_STRING.match(self.content, place)
            self._count((found.end() if found else len(self.content)) - place)
            if found is None or depth > MOST_DEPTH:
                raise Irregular("a string does not end")
            depth += 1 if found[1] == b"(" else -1
            place = found.end()
        return place

    def _closed(self, open_: list[tuple[bytes, list[Value]]], word: bytes) -> Value:
        if not open_ or open_[-1][0] != _CLOSING[word]:
            raise Irregular("a bracket closes what was not opened")
        _, parts = open_.pop()
        if word == b"]":
            return parts
        names = parts[0::2]
        if len(parts) % 2 or not all(isinstance(name, str) for name in names) or len(set(map(str, names))) != len(names):
            raise Irregular("not a dictionary of different names")
        made = Dictionary(dict(zip(map(str, names), parts[1::2], strict=True)))
        self.dictionaries.append(made)
        return made

    def _plain(self, word: bytes, end: int) -> Value:
        if word.startswith(b"/"):
            return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), word).decode("latin-1")
        if word.startswith(b"<"):
            return Hexadecimal(end - len(word), end)
        if reference := _REFERENCE.match(self.content, end - len(word)):
            return Reference(int(reference[1]), int(reference[2]))
        return int(word) if _INTEGER.fullmatch(word) else word

    def _after_reference(self, place: int) -> int:
        found = _REFERENCE.match(self.content, place)
        return found.end() if found else place

    def text(self, value: Value | None) -> str | None:
        """Return a text string (ISO 32000-2 §7.9.2.2) in the encoding that it says; None where the value is no string. Never raises."""
        if isinstance(value, Hexadecimal):
            digits = re.sub(rb"[^0-9A-Fa-f]", b"", self.content[value.start : value.end]).decode("ascii")
            content = bytes.fromhex(digits + "0" * (len(digits) % 2))
        elif isinstance(value, bytes) and value.startswith(b"("):
            content = _IN_LITERAL.sub(_unescaped, value[1:-1])
        else:
            return None
        for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"), (b"\xef\xbb\xbf", "utf-8")):
            if content.startswith(mark):
                return content[len(mark) :].decode(encoding, "replace")
        return content.decode("latin-1")


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Return what one escape of a literal string means (§7.3.4.2)."""
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    return b"" if found[2] in (b"\n", b"\r", b"\r\n") else _MEANT.get(found[2], found[2])
