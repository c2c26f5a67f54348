"""Campaigns (批量事项): one decision carried out on many licences, planned, rehearsed, approved by a second person, run, reported (LC-14).

What is done to each licence is an ordinary act of the registrar, once, whatever is killed in between.
"""

from collections.abc import Callable

from licence_service.campaign.plan import Plan, read_file
from licence_service.campaign.reporting import LEFT, Report, report_of, written
from licence_service.campaign.running import Runner

__all__ = ["LEFT", "Plan", "Report", "Runner", "Step", "read_file", "report_of", "written"]

Step = Callable[[str], None]
