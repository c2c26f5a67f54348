"""`make bench`: the figures of the press, each written to `var/bench.json`; about an hour, on a machine left alone.

python -m bench                     what a licence costs, alone, in chunks, in a large register, with a slow seal, what is stored, and show codes
python -m bench --registers DIR     with registers that `python -m bench.growth --folder DIR` left, or to be left, there: half an hour less
python -m bench --all               every other bench besides; two and a half hours in all
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import batch, book, chunks, document, growth, issue, lanes, memory, press, showing, siege, status, stored, verify_http
from bench.record import machine, missed


def figures(registers: Path | None) -> dict[str, Callable[[], None]]:
    """Return what measures the press, and codes on screens."""
    return {
        "a licence, beside its peers": partial(press.run, every_type=True),
        "licences in chunks": chunks.run,
        "a large register": partial(growth.run, growth.TIMES, registers),
        "seals that take their time": lanes.run,
        "what is stored": stored.run,
        "codes on holders' screens": showing.run,
    }


def others() -> dict[str, Callable[[], None]]:
    """Return the rest; the million of the book takes most of an hour and is asked for by `python -m bench.book`."""
    return {
        "the way of one request": partial(issue.run, issue.SLUG_ARGUMENT),
        "a server's memory": partial(memory.run, "overweight_vehicle_permit"),
        "pages drawn": document.run,
        "status lists": status.run,
        "rows of platforms": batch.run,
        "scanned codes answered": partial(verify_http.run, verify_http.SIZE),
        "verifying under siege": partial(siege.run, siege.SECONDS, siege.SIZE),
        "the book": partial(book.run, most=100_000),
    }


def main() -> None:
    """Run them one after the other, on a machine that is named."""
    given = argparse.ArgumentParser(prog="python -m bench", description="Measure, and end with an error where a figure misses its floor.")
    given.add_argument("--all", action="store_true", help="every bench of the project")
    given.add_argument(
        "--registers", type=Path, metavar="DIR", help="keep the registers of a million and of ten thousand here, or take those that are"
    )
    asked = given.parse_args()
    logging.disable(logging.WARNING)
    parts = figures(asked.registers) | (others() if asked.all else {})
    print(f"{len(parts)} parts on {machine()}", flush=True)
    for number, (name, run) in enumerate(parts.items(), 1):
        began = time.perf_counter()
        print(f"\n{number} of {len(parts)}: {name}", flush=True)
        run()
        print(f"  took {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)
    if short := missed():
        sys.exit("\n".join(short))


if __name__ == "__main__":  # the book's rows are made in processes of their own, which import this module
    main()
