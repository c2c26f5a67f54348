"""The audit: everything in the register is read again, and whatever does not fit is named, row by row.

Within the database: digests, chains, order, signed heads, private parts, projections, the seal-use log and, where asked,
every document. Against what lies elsewhere: a database rewritten as a whole, or an old backup, shows there.
"""

from licence_service.audit.auditor import Auditor
from licence_service.audit.finding import Finding

__all__ = ["Auditor", "Finding"]
