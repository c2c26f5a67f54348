"""Campaigns (批量事项): one decision carried out on many licences, planned, rehearsed, approved by a second person, run, reported (LC-14).

What is done to each licence is an ordinary act of the registrar, once, whatever is killed in between.
"""

from collections.abc import Callable

from licence_service.campaign.ordered import Ordered
from licence_service.campaign.plan import ACTS, AGE_CEILING, DAY, LISTED_BY, Plan, read_file, values_of
from licence_service.campaign.reporting import LEFT, Report, report_of, written
from licence_service.campaign.running import Runner

__all__ = [
    "ACTS",
    "AGE_CEILING",
    "DAY",
    "LEFT",
    "LISTED_BY",
    "Ordered",
    "Plan",
    "Report",
    "Runner",
    "Step",
    "read_file",
    "report_of",
    "values_of",
    "written",
]

Step = Callable[[str], None]
