"""`make bench`: every bench of the project, each writing its figures to `var/bench.json`."""

import logging
import sys

from bench import issue, memory

logging.disable(logging.WARNING)
page = sys.argv[1] if len(sys.argv) > 1 else issue.SLUG_ARGUMENT
issue.run(page)
memory.run("overweight_vehicle_permit")
