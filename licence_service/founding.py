"""From folders into the book: what templates and keys say, proposed by one person and put in force by another.

Nothing is judged by what merely lies in a folder: editions, kinds and grants must be in force with exactly this content, and
rule packs and bodies are read from the book alone. An edition in force is never edited; a change is a new edition.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from licence_service.bodies import Body, json_of
from licence_service.catalogue import Catalogue, kind_data, kind_digest
from licence_service.digests import canonical, sha256
from licence_service.errors import TemplateRejected
from licence_service.law import ANCHOR, BODY, DEPARTMENT, KIND, PACK, TEMPLATE
from licence_service.regions import EVERY
from licence_service.rules import as_data
from licence_service.seal.department import Department
from licence_service.seal.granting import Grant, Office
from licence_service.seal.keyring import Keyring
from licence_service.store.foundations import Foundations

_AS_TREE = "regions_as_tree"  # in the line of a department: each region that it names is with all within it


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a folder holds: its kind, name, and canonical content."""

    kind: str
    name: str
    content: str


def in_folders(catalogue: Catalogue, keyring: Keyring) -> Iterator[Found]:
    """Yield everything that judgements may rest on."""
    yield from _of_templates(catalogue)
    for pack in catalogue.packs:
        yield _found(PACK, pack.id, as_data(pack))
    for uscc, department in keyring.departments.items():
        yield _found(DEPARTMENT, uscc, grants_of(department))
    for root in keyring.trust_roots:
        yield _found(ANCHOR, sha256(root), {"sha256": sha256(root), "der": root.hex()})


def _of_templates(catalogue: Catalogue) -> Iterator[Found]:
    for slug, editions in catalogue.editions.items():
        for each in editions:
            said = {"sha256": each.digest, "used_from": each.used_from.isoformat(), "conditions_until": each.conditions_until}
            yield _found(TEMPLATE, f"{slug}/{each.edition}", said)
    for slug, kind in catalogue.kinds.items():
        yield _found(KIND, slug, {"sha256": kind_digest(kind), "kind": kind_data(kind)})


def grants_of(department: Department) -> dict[str, object]:
    """Return what a department may seal, as it is put in force (SE-01, LC-16), with a digest of exactly that."""
    return dict(_grants(department.grants, department.offices))


@lru_cache(maxsize=512)  # asked for every licence
def _grants(granted: tuple[Grant, ...], offices: tuple[Office, ...]) -> Mapping[str, object]:
    grants = [
        {
            "types": list(grant.types), "regions": list(grant.regions), "from": grant.used_from.isoformat(),
            "to": grant.used_to.isoformat() if grant.used_to else None, "unattended": grant.unattended,
            **({"hourly_ceiling": grant.hourly_ceiling} if grant.hourly_ceiling else {}),
            **{name: list(said) for name, said in (("acts", grant.acts), ("organisations", grant.organisations)) if EVERY not in said},
            **({"without": list(grant.without)} if grant.without else {}),
        }
        for grant in granted
    ]  # fmt: skip
    said: dict[str, object] = {"grants": grants, **({"offices": [_office(one) for one in offices]} if offices else {})}
    if offices or any(EVERY not in one.regions for one in granted):
        said[_AS_TREE] = True  # so that what two people put in force by single regions is not wider by a new release: they say it anew
    return {**said, "sha256": sha256(canonical(said))}


def granted_then(content: str, region: str) -> tuple[tuple[Grant, ...], tuple[Office, ...]]:
    """Return the grants that may be for a region, and the offices, as they were put in force, from the content of their line.

    In a line of an earlier release a region was that one alone: grants that do not name it are left out, and offices have it or not.
    English names of offices are not read back.
    """
    said = json.loads(content)
    as_tree = said.get(_AS_TREE, False)
    grants = [
        Grant(
            tuple(one["types"]), date.fromisoformat(one["from"]), date.fromisoformat(one["to"]) if one["to"] else None, one["unattended"],
            tuple(one["regions"]), one.get("hourly_ceiling"), tuple(one.get("acts", (EVERY,))), tuple(one.get("organisations", (EVERY,))),
            tuple(one.get("without", ())),
        )
        for one in said["grants"]
        if as_tree or {EVERY, region} & {*one["regions"]}
    ]  # fmt: skip
    offices = [
        Office(
            one["code"], one["name"], "", tuple(named for named in one["regions"] if as_tree or named == region),
            date.fromisoformat(one["from"]), date.fromisoformat(one["to"]) if one["to"] else None, one["under"],
        )
        for one in said.get("offices", ())
    ]  # fmt: skip
    return tuple(grants), tuple(offices)


def _office(office: Office) -> dict[str, object]:
    return {
        "code": office.code, "name": office.name, "regions": list(office.regions), "under": office.under,
        "from": office.used_from.isoformat(), "to": office.used_to.isoformat() if office.used_to else None,
    }  # fmt: skip


def _found(kind: str, name: str, content: object) -> Found:
    return Found(kind, name, canonical(content).decode())


def not_in_force(catalogue: Catalogue, keyring: Keyring, foundations: Foundations) -> list[Found]:
    """Return what the folders hold and the book does not; an edition that was edited after it was put in force is refused."""
    known = {(one.kind, one.name): one.content for one in foundations.lines()}
    newer = [one for one in in_folders(catalogue, keyring) if known.get((one.kind, one.name)) != one.content]
    edited = [one.name for one in newer if one.kind == TEMPLATE and (one.kind, one.name) in known]
    if edited:
        raise TemplateRejected(f"in force and never edited, a change is a new edition: {', '.join(edited)}")
    return newer


def contradictions(catalogue: Catalogue, foundations: Foundations) -> list[str]:
    """Return the editions and kinds that are in force with other content than the folders hold: a service must not start on them."""
    known = {(one.kind, one.name): one.content for one in foundations.lines()}
    held = [one for one in _of_templates(catalogue) if (one.kind, one.name) in known]
    return [f"{one.kind} {one.name}" for one in held if known[one.kind, one.name] != one.content]


def propose(catalogue: Catalogue, keyring: Keyring, foundations: Foundations, by: str) -> list[int]:
    """Propose everything that is not in force and not proposed already; return the numbers of the proposals."""
    waiting = {(one.kind, one.name): one.content for one in foundations.open_proposals()}
    wanted = [one for one in not_in_force(catalogue, keyring, foundations) if waiting.get((one.kind, one.name)) != one.content]
    return foundations.propose_all([(one.kind, one.name, one.content) for one in wanted], by)


def put_in_force(catalogue: Catalogue, keyring: Keyring, foundations: Foundations, proposer: str, confirmer: str) -> int:
    """Let two people put everything in force at once, as a new service or a demonstration does; return how many lines were entered."""
    return foundations.confirm(propose(catalogue, keyring, foundations, proposer), confirmer)


def proposed_body(foundations: Foundations, body: Body, by: str) -> int:
    """Propose a body with its key and grants, or a change of them."""
    return foundations.propose(BODY, body.uscc, canonical(json_of(body)).decode(), by)
