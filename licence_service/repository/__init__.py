"""The report to a provincial repository (省级证照库), and the ledger of differences with it (docs/repository.md; DOMAIN §2e steps 7 and 8, M19)."""

from licence_service.repository.reconciling import Reconciler
from licence_service.repository.reporting import Reporter
from licence_service.repository.there import There

__all__ = ["Reconciler", "Reporter", "There"]
