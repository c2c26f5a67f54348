"""`make bench`: every bench of the project, each writing its figures to `var/bench.json`; about two and a half hours, on a machine left alone."""

import logging
import sys

from bench import batch, book, chunks, document, growth, issue, lanes, memory, press, siege, status, stored, verify_http
from bench.record import missed


def main() -> None:
    """Run all; the million of the book takes most of an hour and is asked for by `python -m bench.book`."""
    logging.disable(logging.WARNING)
    issue.run(sys.argv[1] if len(sys.argv) > 1 else issue.SLUG_ARGUMENT)
    press.run(every_type=True)
    chunks.run()
    growth.run(growth.TIMES)
    lanes.run()
    stored.run()
    memory.run("overweight_vehicle_permit")
    document.run()
    status.run()
    batch.run()
    verify_http.run(verify_http.SIZE)
    siege.run(siege.SECONDS, siege.SIZE)
    book.run(most=100_000)
    if short := missed():
        sys.exit("\n".join(short))


if __name__ == "__main__":  # the book's rows are made in processes of their own, which import this module
    main()
