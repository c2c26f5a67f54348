"""Reading signed heads and what the second place keeps of them."""

from collections.abc import Iterator

from licence_service.archive import SecondPlace
from licence_service.log.heads import BadHead, KeptHead, Statement, read_kept, read_statement
from licence_service.seal.keyring import Keyring
from licence_service.seal.tokens import BadToken, Purpose, open1


def opened(keyring: Keyring, message: bytes) -> Statement:
    """Return what a head's message says; `BadHead` where no department's key for evidence, in use or retired, signed it."""
    try:
        return read_statement(open1(message, keyring.keys_for(Purpose.EVIDENCE)).payload)
    except BadToken as bad:
        raise BadHead(str(bad)) from bad


def kept_heads(second: SecondPlace, after: int = 0) -> Iterator[tuple[int, KeptHead | None]]:
    """Yield what the second place holds beyond `after`: the number, and the head, None where it cannot be read."""
    for number in second.numbers(after):
        content = second.get(number)
        try:
            yield number, read_kept(content) if content is not None else None
        except BadHead:
            yield number, None
