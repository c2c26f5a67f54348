"""Whether a seal could be used for what it was used for: its days, its certificate and its department's grants (SE-01).

Everything is judged as of the sealing time, never of the scan (SH-04). What a forger can choose, the claimed time of a
file that the register does not hold, this cannot heal: a good seal is never enough (DOMAIN M4).
"""

from dataclasses import replace
from datetime import datetime

from licence_service.licence import beijing_day
from licence_service.seal import Finding
from licence_service.seal.keyring import Keyring


def entitlement_faults(keyring: Keyring, certificate_sha256: str, licence_type: str, sealed_at: datetime) -> tuple[str, ...]:
    """Name what speaks against a seal by this certificate on a licence of this type at the aware instant `sealed_at`.

    `unknown-signer`: not a certificate of ours; `chain-not-trusted`: it was not valid at that time; `seal-not-in-use`:
    outside of the seal's days; `seal-not-granted`: the department held no grant for the type (SE-01). Empty: none.
    """
    known = keyring.known_seals.get(certificate_sha256)
    if known is None:
        return ("unknown-signer",)
    certificate = keyring.certificate_of(known.seal_id)
    day = beijing_day(sealed_at)
    faults = {
        "chain-not-trusted": not certificate.not_valid_before_utc <= sealed_at <= certificate.not_valid_after_utc,
        "seal-not-in-use": not known.used_on(day),
        "seal-not-granted": not keyring.departments[known.department].may_seal(licence_type, day),
    }
    return tuple(reason for reason, holds in faults.items() if holds)


def by_seal_alone(keyring: Keyring, finding: Finding) -> Finding:
    """Return the finding with what the grants say against it; all that can be known of a file without the register.

    A good one is then as good as its seal and no better (`verification.seal_alone`): whether the register holds it, and
    whether its licence or its seal was revoked since, stays unknown.
    """
    if finding.certificate_sha256 is None or finding.sealed_at is None or finding.licence_type is None:
        return finding
    faults = entitlement_faults(keyring, finding.certificate_sha256, finding.licence_type, finding.sealed_at)
    return replace(finding, reasons=tuple(dict.fromkeys((*finding.reasons, *faults))))
