"""How commands talk: tables or JSON on standard output, trouble on standard error, exit codes that tell."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from licence_service import heap
from licence_service.errors import Misconfigured, NotInRegister, Refusal, Unavailable
from licence_service.service import Service, build
from licence_service.settings import read_settings
from licence_service.store.clients import Client

_OVER = 600.0  # seconds over which a rate is taken: what comes in chunks may take a minute each
REFUSED, MISCONFIGURED, UNAVAILABLE, NOT_VALID, UNDECIDED = 1, 2, 3, 4, 5
out = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)  # piped tables keep their columns whole
err = Console(stderr=True, highlight=False)

P = ParamSpec("P")
R = TypeVar("R")


def said(command: Callable[P, R]) -> Callable[P, R]:
    """Turn refusals into a line on standard error and an exit code: 1 refused, 2 misconfigured, 3 not available now."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Refusal as refusal:
            more = f": {escape(refusal.detail)}" if refusal.detail != refusal.title else ""
            err.print(f"[red]refused[/]  {refusal.title}{more}")
            for fault in refusal.faults:
                err.print(f"  {fault.path}: {fault.message} ({fault.code})", markup=False)
            sys.exit(REFUSED)
        except Misconfigured as trouble:
            err.print(f"[red]not set up[/]  {escape(str(trouble))}")
            sys.exit(MISCONFIGURED)
        except Unavailable as trouble:
            err.print(f"[red]not available[/]  {escape(trouble.detail)}")
            sys.exit(UNAVAILABLE)

    return wrapped


@contextmanager
def service() -> Iterator[Service]:
    """Open the service that the environment describes, with its schema brought up to date."""
    heap.in_one_arena()
    built = build(read_settings())
    try:
        built.database.migrate()
        yield built
    finally:
        built.close()


def client_named(opened: Service, name: str) -> Client:
    """Return a client by its name."""
    found = next((one for one in opened.clients.all() if one.name == name), None)
    if found is None:
        raise NotInRegister("no such client; see `licence-service clients list`")
    return found


def show(value: Any, *, as_json: bool, columns: Sequence[str] = ()) -> None:  # noqa: ANN401 - any JSON value
    """Print rows as a table, an object as lines, or either as JSON."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - this is the output
    elif isinstance(value, Mapping):
        for name, one in value.items():
            out.print(f"[bold]{name}[/]  {escape(str(one))}", soft_wrap=True)  # a line to copy stays one line
    else:
        table = Table(box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in value:
            table.add_row(*(escape(str(row.get(column, ""))) for column in columns))
        out.print(table)


class Step(Protocol):
    """Moves a bar."""

    def __call__(self, name: str, count: int = 1) -> None:
        """Move it by `count` and name what was done."""


class _Rate(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """Return the rate, once there is one."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def progress(label: str, total: int) -> Iterator[Step]:
    """Show a bar on standard error; the yielded function moves it by one, or by so many that came together, and names what is done."""
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        console=err, transient=True, speed_estimate_period=_OVER,
    )  # fmt: skip
    with bars:
        task = bars.add_task(label, total=total)

        def step(name: str, count: int = 1) -> None:
            bars.update(task, advance=count, description=f"{label} {name}")

        yield step
