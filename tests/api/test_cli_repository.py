"""`licence-service repository`: what operators see of the report, of what was returned, and of the differences."""

from collections.abc import Iterator

import pytest

from simulators.repository import Repository, listening
from tests.api.test_cli import MISCONFIGURED, NOT_VALID, REFUSED, Terminal, terminal
from tests.repositories import SECRET, TOKEN, issue
from tests.world import DRIVER

__all__ = ["terminal"]
LEFT = NOT_VALID


@pytest.fixture
def repository(terminal: Terminal) -> Iterator[Repository]:
    """A repository that the environment leads to."""
    opened = Repository(TOKEN, SECRET.encode())
    with listening(opened) as url:
        terminal.environment |= {
            "LICENCE_REPOSITORY_URL": url, "LICENCE_REPOSITORY_TOKEN": TOKEN, "LICENCE_REPOSITORY_SECRET": SECRET,
            "LICENCE_REPOSITORY_NETWORKS": "127.0.0.0/8",
        }  # fmt: skip
        yield opened


def test_what_waits_is_reported_and_counted(terminal: Terminal, repository: Repository) -> None:
    licence_id = issue(terminal.world, 1)

    assert terminal.json("repository", "report") == {"tried": 1, "waiting": 0, "reported": 1, "returned": 0, "behind": 0}
    assert list(repository.kept) == [licence_id]
    assert terminal.json("repository", "report")["tried"] == 0


@pytest.mark.rule("AI-11")
def test_what_was_returned_is_listed_with_its_reason_and_sent_again(terminal: Terminal, repository: Repository) -> None:
    organ = terminal.world.service.catalogue.samples[DRIVER].issuer
    repository.unknown.add(organ)
    licence_id = issue(terminal.world, 1)
    terminal.run("work", "--once")
    (row,) = terminal.json("repository", "returned")
    repository.unknown.clear()
    said = terminal.run("repository", "resend", licence_id).stdout
    terminal.run("repository", "report")

    assert (row["licence_id"], row["reason"], row["organ"]) == (licence_id, "unknown-organisation", organ)
    assert said == f"{licence_id} waits again\n"
    assert terminal.json("repository", "returned") == []
    assert list(repository.kept) == [licence_id]


def test_differences_are_listed_healed_and_stay_in_the_ledger(terminal: Terminal, repository: Repository) -> None:
    licence_id = issue(terminal.world, 1)
    terminal.run("repository", "report")
    repository.kept.clear()
    run = terminal.json("repository", "reconcile")

    assert (run["found"], run["ended"], run["open"]) == (1, 1, 0)
    assert terminal.json("repository", "differences") == []
    (row,) = terminal.json("repository", "differences", "--all")
    assert (row["licence_id"], row["kind"], row["cause"], row["ending"]) == (licence_id, "missing_there", "taken-and-not-kept", "told_anew")
    assert list(repository.kept) == [licence_id]


def test_what_only_the_repository_knows_is_withdrawn_by_a_named_person(terminal: Terminal, repository: Repository) -> None:
    licence_id = issue(terminal.world, 1)
    terminal.run("repository", "report")
    repository.kept["STRANGER"] = [{**repository.kept[licence_id][0], "CertificateID": "STRANGER"}]
    terminal.run("repository", "reconcile", wanted=LEFT)
    (row,) = terminal.json("repository", "differences")
    terminal.run("repository", "withdraw", str(row["difference"]), wanted=2)  # nobody is named
    terminal.run("repository", "withdraw", str(row["difference"]), "--by", "an officer")

    assert (row["kind"], row["cause"]) == ("missing_here", "never-reported")
    assert list(repository.kept) == [licence_id]
    assert terminal.json("repository", "reconcile")["open"] == 0
    terminal.run("repository", "withdraw", str(row["difference"]), "--by", "an officer", wanted=REFUSED)


def test_without_a_repository_there_is_nothing_to_report_to(terminal: Terminal) -> None:
    terminal.run("repository", "report", wanted=MISCONFIGURED)
    terminal.run("work", "--once")


def test_a_repository_without_its_keys_is_not_set_up(terminal: Terminal) -> None:
    terminal.environment["LICENCE_REPOSITORY_URL"] = "https://licences.province.example"
    terminal.run("repository", "report", wanted=MISCONFIGURED)


def test_an_unknown_licence_is_not_resent(terminal: Terminal, repository: Repository) -> None:
    terminal.run("repository", "resend", "00000000000000000000", wanted=REFUSED)
    assert repository.got == []
