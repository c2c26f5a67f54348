"""The vector in docs/offline.md is read by the code as the page says."""

import json
import re
from datetime import date, datetime
from pathlib import Path

from licence_service.bundle import Bundle, apply, read, read_time
from licence_service.digests import sha256
from licence_service.listing import EVERY, LIFE
from licence_service.offline import CLOCK_ALLOWANCE, check
from licence_service.publishing import LAPSES_AHEAD
from licence_service.reasons import REASONS
from licence_service.seal.listing_tokens import from_base64url
from licence_service.seal.terms import key_at
from licence_service.status import PLACES, status_at

PAGE = Path("docs/offline.md").read_text("utf-8")
SAID = json.loads(re.findall(r"\*Vector: trust-bundle\*\s+```json\n(.*?)```", PAGE, re.DOTALL)[0])
TIME = json.loads(re.findall(r"\*Vector: server-time\*\s+```json\n(.*?)```", PAGE, re.DOTALL)[0])
KEYS = {bytes.fromhex(SAID["keeper"]["kid"]): key_at(from_base64url(SAID["keeper"]["public_key"]))}


def told(bundle: Bundle) -> dict[str, object]:
    """Return what the page tells of a bundle."""
    statuses = {str(index): int(status) for index in range(PLACES) if (status := status_at(bundle.lists[0], index))}
    lapses = {str(index): day.isoformat() for (_, index), day in sorted(bundle.lapses.items())}
    return {"statuses": statuses, "lapses": lapses, "sha256": sha256(bundle.lists[0])}


def test_the_bundle_and_the_delta_of_the_page_lead_to_its_lists() -> None:
    held = read(SAID["bundle"], KEYS)

    assert told(held) == {name: SAID[name] for name in ("statuses", "lapses", "sha256")}
    assert told(apply(held, SAID["delta"], KEYS)) == SAID["after"]
    assert check(SAID["code"], held, datetime.fromisoformat(SAID["at"])).overall == SAID["overall"]
    assert all(date.fromisoformat(day) for day in SAID["lapses"].values())


def test_the_signed_time_of_the_page_is_read_for_its_question() -> None:
    assert read_time(TIME["signed"], KEYS, TIME["book"], TIME["nonce"]) == datetime.fromisoformat(TIME["time"])


def test_the_figures_and_reasons_that_the_page_names_are_those_of_the_code() -> None:
    assert (EVERY.total_seconds(), LIFE.days, LAPSES_AHEAD.days, CLOCK_ALLOWANCE.total_seconds()) == (600, 1, 60, 300)
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE))
    assert named & REASONS.keys() >= {
        "foreign-host", "key-not-listed", "suspension-lapsed", "status-stale", "clock-error", "conditions-unknown", "listed-superseded",
    }  # fmt: skip
