"""The command line about who looks: clients of officers, the audit of looks, reports of false sites."""

import pytest

from licence_service.store.clients import OFFICER
from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.world import DRIVER

ORGAN = "12519900MB9900048D"


@pytest.mark.rule("SH-11")
def test_a_system_of_officers_is_added_and_the_audit_reads_every_look(terminal: Terminal) -> None:  # noqa: F811
    added = terminal.json("clients", "add", "police", "--kind", "officer", "--department", ORGAN)
    client = terminal.world.service.clients.by_token(added["token"])
    assert client is not None
    assert (client.kind, client.department) == (OFFICER, ORGAN)
    assert {one["client"]: one["kind"] for one in terminal.json("clients", "list")}["police"] == "officer"
    issued = terminal.issue(DRIVER)
    value = terminal.world.request(DRIVER)["face"]["citizen_id"]
    for case_no in (None, "示案〔2026〕9号"):
        body = {"by": "id", "value": value, "reason": "case", "place": "示例路口", "officer": "执法007", "case_no": case_no}
        answer = terminal.world.http.post("/officer/look", json=body, headers={"Authorization": f"Bearer {added['token']}"})
        assert answer.status_code == 200, answer.text
    looks = terminal.json("looks", issued["licence_id"])

    assert [(one["officer"], one["case"], one["organ"]) for one in looks] == [("执法007", "", ORGAN), ("执法007", "示案〔2026〕9号", ORGAN)]
    assert len(terminal.json("looks", issued["licence_id"], "--after", str(looks[0]["no"]))) == 1
    assert value not in terminal.run("looks", issued["licence_id"]).output


def test_a_client_of_no_kind_or_of_no_organ_is_refused(terminal: Terminal) -> None:  # noqa: F811
    terminal.run("clients", "add", "x", "--kind", "emperor", "--department", ORGAN, wanted=REFUSED)
    terminal.run("clients", "add", "x", "--kind", "officer", "--department", "nobody", wanted=REFUSED)


def test_reports_are_printed_without_anything_that_acts_on_a_terminal(terminal: Terminal) -> None:  # noqa: F811
    terminal.world.http.post("/report-site", json={"address": "http://licence.examp1e.cn/\u202eQ", "remark": "[red]x[/] \x1b]8;;http://y\x07"})
    printed = terminal.run("reports", "list").output

    assert "http[:]//licence.examp1e.cn/ Q" in printed
    assert "[red]x[/]" in printed
    for control in ("\x1b", "\x07", "\u202e"):
        assert control not in printed
        assert control not in terminal.run("reports", "list", "--json").output
