"""Regions as a tree: what it means that one lies within another.

Pure. A region is an administrative division by its six digits (GB/T 2260): two of the province, two of the city, two of the county; `00` is
the whole of what stands before it. So 519903, a county, lies within 519900, its city, and within 510000, its province. Nothing but the digits
says it: a county that is run by another city is named itself, in the grant of who runs it (docs/access.md).
"""

from collections.abc import Iterable

EVERY, DIGITS = "*", 6


def reaching(region: str) -> frozenset[str]:
    """Return the regions within which one lies: itself, its city, its province; what is no region lies in nothing else. A rule for any is one for it."""
    if len(region) != DIGITS or not (region.isascii() and region.isdigit()):
        return frozenset({region})
    return frozenset({region, f"{region[:4]}00", f"{region[:2]}0000"})


def within(region: str, wider: str) -> bool:
    """Say whether a region is another, or lies in it; a city does not lie in one of its counties."""
    return wider in reaching(region)


def covered(region: str, named: Iterable[str], without: Iterable[str] = ()) -> bool:
    """Say whether a region lies within one that is named, `"*"` being every one, and within none that is taken out."""
    above = reaching(region)
    return (EVERY in named or not above.isdisjoint(named)) and above.isdisjoint(without)
