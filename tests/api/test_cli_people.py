"""The command line about people: who may come to the desk, and in which roles."""

from datetime import timedelta

import pytest

from licence_service.duties import Role
from licence_service.licence import beijing_day
from licence_service.service import utc_now
from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.provider import ORGAN

ISSUER = "https://id.example.cn"


def added(terminal: Terminal, *more: str) -> str:  # noqa: F811
    words = ("people", "add", "罗青石", "--subject", "u-17", "--issuer", ISSUER, "--department", ORGAN, *more)
    return str(terminal.json(*words)["person"])


def test_a_person_is_added_given_roles_and_removed_by_commands_alone(terminal: Terminal) -> None:  # noqa: F811
    people = terminal.world.service.people
    person = added(terminal, "--role", "clerk")

    terminal.run("people", "role", person, "auditor", "--by", "局长")
    found = people.known_by(ISSUER, "u-17", beijing_day(utc_now()))
    assert found
    assert found.roles == {Role.CLERK, Role.AUDITOR}
    terminal.run("people", "role", person, "seal_officer", wanted=REFUSED)
    terminal.run("people", "role", person, "auditor", "--end")
    terminal.run("people", "role", person, "seal_officer", "--to", (beijing_day(utc_now()) + timedelta(days=1)).isoformat())
    (row,) = terminal.json("people", "list")
    assert (row["name"], row["roles"]) == ("罗青石", "clerk seal_officer")
    assert "auditor" in row["periods"]
    assert "by 局长" in row["periods"]
    terminal.run("people", "remove", person)
    assert people.known_by(ISSUER, "u-17", beijing_day(utc_now())) is None
    assert terminal.json("people", "list") == []
    terminal.run("people", "remove", person, wanted=REFUSED)


@pytest.mark.parametrize("words", [("--from", "2020-01-01"), ("--to", "2020-01-01"), ("--end", "--from", "2030-01-01"), ("--end",)])
def test_a_role_is_not_given_for_days_gone_by_nor_ended_where_it_is_not_held(terminal: Terminal, words: tuple[str, ...]) -> None:  # noqa: F811
    person = added(terminal)
    terminal.run("people", "role", person, "clerk", *words, wanted=REFUSED)
    assert terminal.json("people", "list")[0]["roles"] == ""


def test_a_person_of_no_department_or_known_already_is_refused(terminal: Terminal) -> None:  # noqa: F811
    added(terminal)
    same = ("people", "add", "另一人", "--subject", "u-17", "--issuer", ISSUER, "--department")
    terminal.run(*same, ORGAN, wanted=REFUSED)
    terminal.run("people", "add", "一人", "--subject", "u-18", "--issuer", ISSUER, "--department", "11519900MB9900099X", wanted=REFUSED)
    terminal.run("people", "add", "一人", "--subject", "u-18", "--department", ORGAN, wanted=REFUSED)  # no provider is set


def test_nobody_is_added_by_half_where_the_roles_are_kept_apart(terminal: Terminal) -> None:  # noqa: F811
    words = ("people", "add", "罗青石", "--subject", "u-17", "--issuer", ISSUER, "--department", ORGAN)
    terminal.run(*words, "--role", "clerk", "--role", "approver", "--role", "auditor", wanted=REFUSED)
    assert terminal.json("people", "list") == []
    added(terminal, "--role", "clerk", "--role", "clerk")
    assert terminal.json("people", "list")[0]["roles"] == "clerk"
