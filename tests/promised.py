"""What the OpenAPI document promises, held against what is answered."""

from typing import Any

import jsonschema

from tests.world import World

ATTESTED = frozenset(
    {
        "/assertions", "/reviews", "/tasks", "/tasks/{task_id}/close", "/licences/{licence_id}/signals", "/licences/{licence_id}/answer",
    }
)  # fmt: skip
SHOWN = frozenset(
    {
        "/officer/look", "/licences/{licence_id}/looks", "/notes", "/licences/{licence_id}/stickers", "/licences/{licence_id}/stickers/{sticker_id}/revoke",
        "/S/{code}", "/verify/match", "/report-site",
    }
)  # fmt: skip
STOCK = frozenset(
    {
        "/batches",
        *(f"/batches/{{run_id}}{part}" for part in ("", "/report", "/quarantine", "/results", "/corrections", "/sample", "/sign-off", "/release")),
    }
)
HEARD = frozenset(  # they want a receiver
    f"/webhooks/{{webhook_id}}{part}" for part in ("/secret", "/deliveries", "/deliveries/{event_id}/resend", "/replay")
)
ELSEWHERE = frozenset(  # files that are made, streams, and several acts in one: their own tests read them
    {
        "/licences/bundle", "/compliance", "/cases/{case_no}/review",
        "/status", "/status/{number}", "/offline/bundle", "/offline/bundle/delta", "/offline/keeper", "/offline/time", "/verify/batch",
        "/watch/{name}", "/watch/{name}/changes",
    }
)  # fmt: skip
HELD = frozenset(  # they want a holder, whom an identity service vouches for
    {
        "/holder/claims", "/holder/cards", "/holder/delegations", "/holder/delegations/{delegation_id}", "/holder/cards/{licence_id}",
        *(f"/holder/cards/{{licence_id}}{part}" for part in ("/history", "/photos/{field}", "/document", "/looks", "/deadlines")),
        "/holder/deadlines.ics", "/holder/notices", "/notices", "/holder/looks",
    }
)  # fmt: skip
LENT = frozenset(  # and so do these
    {
        "/holder/cards/{licence_id}/show-codes", "/holder/log-out", "/D/1{digits}", "/officer/shown", "/L/{code}", "/lent",
        *(f"/holder/cards/{{licence_id}}/lendings{part}" for part in ("", "/{lending_id}/revoke", "/{lending_id}/copy")),
    }
)  # fmt: skip
AGREED = frozenset(  # a company and a person
    {
        "/holder/invitation", "/holder/invited", "/holder/staff", "/holder/staff/looks",
        *(f"/holder/cards/{{licence_id}}/consents{part}" for part in ("", "/{consent_id}/withdraw")),
    }
)  # fmt: skip
_NOT_JSON = frozenset({"application/pdf", "application/cose", "image/jpeg"})


class Promises:
    """Checks answers and remembers which routes and statuses were seen."""

    def __init__(self, world: World) -> None:
        """Read the document that the service itself gives."""
        self.document = world.http.get("/openapi.json").json()
        self.seen: set[tuple[str, int]] = set()

    def __call__(self, route: str, answer: Any) -> Any:
        """Demand that an answer has a shape that its route promises; return it."""
        promised = self.document["paths"][route][str(answer.request.method).lower()]["responses"][str(answer.status_code)]
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code != 204:
            assert kind in promised["content"]
            if kind not in _NOT_JSON:
                jsonschema.validate(answer.json(), promised["content"][kind]["schema"])
        self.seen.add((route, answer.status_code))
        return answer
