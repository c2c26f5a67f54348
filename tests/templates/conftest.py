"""One sealed licence of every type, made once a session and only for the types that are asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.pdfa import VeraPdf
from tests.world import ROOT, World, a_world

SLUGS = sorted(path.name for path in (ROOT / "templates").iterdir() if path.is_dir() and not path.name.startswith("_"))


@dataclass
class Made:
    """A sample, issued and endorsed through the HTTP interface: the answer, the newest sealed file and where it lies."""

    slug: str
    world: World = field(repr=False)
    answer: dict[str, Any]
    content: bytes = field(repr=False)
    path: Path


@pytest.fixture(scope="session")
def verapdf() -> VeraPdf:
    """The PDF/A judge."""
    return VeraPdf("3u")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Callable[[str], Made]]:
    """Return a function that makes a type's licence once."""
    folder = tmp_path_factory.mktemp("types")
    kept: dict[str, Made] = {}
    with a_world(folder, demo_keys) as world:

        def make(slug: str) -> Made:
            if slug not in kept:
                answer = latest = world.issue(slug, f"type-{slug}"[:60])
                for number, body in enumerate(world.moved(slug).acts(), 1):
                    entered = world.act(slug, answer["licence_id"], body, f"type-{slug}-{number}"[:80])
                    assert entered.status_code == 201, entered.text
                    latest = entered.json() if "version" in entered.json() else latest
                content = world.http.post("/download", json={"delivery_code": latest["delivery_code"]}).content
                path = folder / f"{slug}.pdf"
                path.write_bytes(content)
                kept[slug] = Made(slug, world, latest, content, path)
            return kept[slug]

        yield make
