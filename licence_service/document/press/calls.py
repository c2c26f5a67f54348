"""What the pages of a pressed file must call by name, so that it is seen: photographs, code, seal, frame and drawings (ISO 32000-2 §8.8).

Each page of a plate names what it may call in its resources. A page that does not call each of them once, by itself or through a drawing
that it calls, lacks something or shows it twice. That a plate names all that its edition wants is asked of the edition, once a plate.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from licence_service.document.press.fonts_read import Unproven
from licence_service.document.press.plate import SYMBOL, Plate
from licence_service.document.press.plate_read import entries_of, resources, standing
from licence_service.page import Code, Picture, Seal
from licence_service.template import Template

NEXT_PAGE = b"Next-page"  # is called between pages that are read together: no drawing has this name
NEXT = b"\n/%b Do\n" % NEXT_PAGE
_CALLED = re.compile(rb"/([-\w]+) Do\b")
_MOST_ORDERS = 256  # that stay known to be right; a form has one


class Calls:
    """What the pages of one plate must call; keeps the orders that were right."""

    def __init__(self, plate: Plate, template: Template) -> None:
        """Take the plate and its edition; raise `Unproven` where the plate lacks what the edition wants, or a name means something else."""
        pages = resources(plate)
        self.standing = standing(plate)
        self._within = {name: _CALLED.findall(operators) for name, operators in self.standing.items()}
        self._pages = [sorted(page) for page in pages]
        for page in pages:
            _means(page, plate)
        wanted = Counter(kind for page in template.pages if page.when == "always" for kind in {_kind(one) for one in page.elements} - {""})
        there = Counter(kind for page in self._pages for kind in {name[:1].decode() for name in page})
        if missing := [kind for kind, pages_ in wanted.items() if there[kind] < pages_]:
            raise Unproven(f"a plate without {' and '.join(missing)}")
        self._pictures = {one.field for page in template.pages for one in page.elements if isinstance(one, Picture)}
        self._filled = plate.filled.keys()
        self._right: set[tuple[bytes, ...]] = set()

    def confirm(self, called: tuple[bytes, ...], photos: Mapping[str, bytes]) -> None:
        """Return if pages that call these names in this order, `NEXT_PAGE` between pages, show all there is; raise `Unproven`."""
        for name in photos:
            if name in self._pictures and f"P-{name}" not in self._filled:
                raise Unproven("a photograph that no page calls")
        if called in self._right:
            return
        if [sorted(self._all(page)) for page in _by_page(called)] != self._pages:
            raise Unproven("a photograph, code, seal or drawing that a page does not call, or calls twice")
        if len(self._right) >= _MOST_ORDERS:
            self._right.clear()
        self._right.add(called)

    def _all(self, page: Sequence[bytes]) -> Iterator[bytes]:
        """Yield what a page calls, by itself and in the drawings that stand on every licence."""
        for name in page:
            yield name
            yield from self._within.get(name, ())


def _means(page: Mapping[bytes, int], plate: Plate) -> None:
    """See that photographs and code are those that the licence fills in."""
    for name, number in page.items():
        if name.startswith(b"P-") and plate.filled.get(name.decode("ascii")) != number:
            raise Unproven("a photograph's name with another meaning")
        if name.startswith(b"Q") and f"/I {plate.filled[SYMBOL]} 0 R".encode("ascii") not in entries_of(plate, number):
            raise Unproven("a code's name with another meaning")


def _kind(element: object) -> str:
    """Return the first letter of what an element has called."""
    return "S" if isinstance(element, Seal) else "Q" if isinstance(element, Code) else ""


def _by_page(called: Sequence[bytes]) -> list[list[bytes]]:
    pages: list[list[bytes]] = [[]]
    for name in called:
        if name == NEXT_PAGE:
            pages.append([])
        else:
            pages[-1].append(name)
    return pages
