"""What every test shares: the hypothesis profiles, and the two databases."""

import gc
import os
import sys
from collections.abc import Generator
from functools import cache, partial
from typing import Any

import httpcore2
import pytest
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import create_engine

# Until everything is loaded: what is loaded stays, and looking through it while it grows is a fifth of a worker's start.
gc.disable()
from licence_service.store import database as opening  # noqa: E402
from tests.parts.databases import (  # noqa: E402, F401 - fixtures, one session's worth for all folders
    clock,
    database,
    empty_database,
    memory,
    migrated_file,
    migrated_postgres,
    postgres_address,
    vault,
)
from tests.world import demo_keys, world  # noqa: E402, F401 - fixtures

# What is compiled is kept, whatever the shell says: the workers and some two hundred processes that tests start would each compile it anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# One is picked by `pytest --hypothesis-profile=…`; the mutation run names its own in pyproject.toml. The gate draws the same examples every time,
# so that it goes red by what was changed; `make test-long` draws others, and many more.
settings.register_profile(
    "long", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)  # fmt: skip
settings.register_profile("tests", settings.get_profile("long"), max_examples=60, derandomize=True, database=None)
settings.register_profile(  # few, and no smaller counterexample is looked for
    "mutation", settings.get_profile("tests"), max_examples=15, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("tests")


class Compiled(dict[tuple[Any, ...], Any]):
    """What SQLAlchemy made of statements, one for all registers of a kind: each test opens its own, and would make all of it anew."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return what was made; the dialect, with which a key begins, counts by its kind."""
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], made: Any) -> None:
        """Keep it."""
        super().__setitem__((type(key[0]), *key[1:]), made)


def pytest_configure() -> None:
    """Temporary folders lie where databases sync quickest: what is tested is not the disk. Foreign authorities are read once, not by each client."""
    if place := memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", place)
    patch = pytest.MonkeyPatch()
    patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
    patch.setattr(opening, "create_engine", partial(create_engine, execution_options={"compiled_cache": Compiled()}))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """From here on the collector works again, in the process that only hands out tests too."""
    try:
        return (yield)
    finally:
        gc.enable()


# Files whose single tests take ten seconds and more, mostly waiting for processes: begun first, so that no worker is left alone with one.
DEAR = {
    "test_tour.py", "test_integrate.py", "test_secrets.py", "test_workers.py", "test_corpus.py", "test_resealing_commands.py", "test_cli_chunks.py",
    "test_writers.py", "test_fuzz.py", "test_undisclosed.py", "test_deadlines.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the dear ones, then those that share a browser; the order is random otherwise."""
    items.sort(key=lambda one: (one.path.name not in DEAR, one.path.parent.name != "browser"))


def pytest_collection_finish() -> None:
    """What was loaded for the tests lives as long as they do: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # a service is thousands of objects
