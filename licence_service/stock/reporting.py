"""The report of a run: how many rows each rule found, by county, and how many stand where. No value of any row."""

from typing import Any

from licence_service.stock.releasing import Releasing
from licence_service.store.stock_rows import STATES, StockRun


def report_of(stock: Releasing, run: StockRun) -> dict[str, Any]:
    """Return the report as JSON."""
    knowledge, counts = stock.office.knowledge, run.counts or {}
    states = stock.sums.states(run)
    counties = [
        {
            "county": county,
            "name": knowledge.regions[county].name if county in knowledge.regions else "",
            **{state: each.get(state, 0) for state in STATES},
        }
        for county, each in sorted(states.items())
    ]
    rules = [
        {
            "rule": rule,
            "severity": severity,
            "county": county,
            "rows": rows,
            "zh": knowledge.rules[rule].words.zh,
            "en": knowledge.rules[rule].words.en,
        }
        for rule, severity, county, rows in stock.sums.rules(run)
    ]
    samples = [
        {"county": one.county, "round": one.round, "rows": one.population, "sample": one.size, "signed": one.signed_at is not None}
        for one in stock.sums.samples(run)
    ]
    return {
        "run": run.run_id, "type": run.type, "loaded": run.loaded_at is not None, "read": counts.get("read", 0), "known": counts.get("known", 0),
        "repeated": counts.get("repeated", 0), "unmapped": counts.get("unmapped", []), "counties": counties, "rules": rules, "samples": samples,
    }  # fmt: skip
