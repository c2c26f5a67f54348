"""The shapes of assertions, reviews, signals and tasks for the OpenAPI document."""

from typing import Any

from licence_service.web.shapes import DECISION_SHAPE, TEXT, answer, as_body, shape

_FACTS = {"type": "object", "description": "As the endorsement kind declares them."}
_SIGNATURE = {"type": "string", "pattern": "^[0-9a-f]{128}$", "description": "r and s of ES256 over the canonical statement, docs/formats.md."}
_DAY = {"type": "string", "format": "date"}

ASSERTION_BODY = as_body(
    shape(
        {
            "licence_id": {"type": "string", "pattern": "^[0-9A-Z]{20}$"}, "kind": TEXT, "facts": _FACTS,
            "external_ref": {"type": "string", "maxLength": 120}, "asserter": TEXT, "signature": _SIGNATURE, "corrects": TEXT,
        },
        ("corrects",),
    )
)  # fmt: skip
TAKEN_ANSWER = answer(
    "Taken in: `accepted`, or `asserted` and waiting for a clerk; sent again, what it is by now",
    shape(
        {
            "licence_id": TEXT,
            "endorsement_id": TEXT,
            "state": {"enum": ["asserted", "accepted", "refused", "corrected", "withdrawn", "recorded"]},
            "reasons": {"type": "array", "items": TEXT},
        }
    ),
)
_REPORT = shape({"station": TEXT, "report_no": TEXT, "tested_on": _DAY, "plate": TEXT, "subject": TEXT})
_RECEIPTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "object", "required": ["outcome"],
        "properties": {"outcome": {"enum": ["pass", "fail", "conflict", "unavailable"]}, "value": TEXT},
    },
}  # fmt: skip
REVIEW_BODY = as_body(
    shape(
        {
            "kind": TEXT, "type": TEXT, "search": shape({"field": TEXT, "value": TEXT}), "report": _REPORT, "facts": _FACTS, "signature": _SIGNATURE,
            "receipts": _RECEIPTS, "decision": DECISION_SHAPE,
        },
        ("facts", "signature", "receipts"),
    )
)  # fmt: skip
SIGNAL_BODY = as_body(shape({"source": TEXT, "signal": TEXT, "occurred_on": _DAY, "external_ref": TEXT}))
SIGNAL_ANSWER = answer(
    "A task for a clerk, or the entry that was made", shape({"task_id": TEXT, "sequence": {"type": "integer"}}, ("task_id", "sequence"))
)
TASKS_ANSWER = answer(
    "Open tasks, oldest first",
    shape(
        {
            "tasks": {
                "type": "array",
                "items": shape(
                    {"task_id": TEXT, "kind": TEXT, "licence_id": {"type": ["string", "null"]}, "opened_at": TEXT, "content": {"type": "object"}}
                ),
            },
            "after": {"type": ["integer", "null"]},
        }
    ),
)
HELD_ANSWER = answer(
    "Waiting: for a clerk or a silent source (`waiting`), or for the seal (`sealing`)",
    {
        "oneOf": [
            shape(
                {
                    "state": {"const": "waiting"}, "licence_id": TEXT, "task_id": TEXT, "waits_for": TEXT,
                    "reasons": {"type": "array", "items": TEXT},
                }
            ),
            shape({"state": {"const": "sealing"}, "licence_id": TEXT, "reservation_url": TEXT}),
        ]
    },
)  # fmt: skip
