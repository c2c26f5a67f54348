"""The command line about who may call: keys, acts, and secrets that change without a stop."""

from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.world import TRIP


def test_a_secret_is_changed_by_commands_alone(terminal: Terminal) -> None:  # noqa: F811
    department = terminal.world.service.catalogue.samples[TRIP].issuer
    clients = terminal.world.service.clients
    old = terminal.json("clients", "add", "turning", "--department", department, "--act", "read")["token"]
    new = terminal.json("clients", "secret", "turning")["token"]
    assert clients.by_token(old) == clients.by_token(new) != None  # noqa: E711
    first, second = terminal.json("clients", "credentials", "turning")
    assert (first["kind"], second["kind"]) == ("secret", "secret")
    terminal.run("clients", "forget", "turning", str(first["number"]))
    assert clients.by_token(old) is None
    terminal.run("clients", "forget", "turning", str(second["number"]), wanted=REFUSED)
    assert clients.by_token(new) is not None
    assert {one["client"]: one["acts"] for one in terminal.json("clients", "list")}["turning"] == "read"
    for words in (("secret", "nobody"), ("credentials", "nobody"), ("forget", "nobody", "1")):
        terminal.run("clients", *words, wanted=REFUSED)


def test_a_client_with_a_key_has_no_secret(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811
    department = terminal.world.service.catalogue.samples[TRIP].issuer
    key = ECKey.generate_key("P-256")
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_bytes(key.as_pem(private=False))
    private.write_bytes(key.as_pem(private=True))
    added = terminal.json("clients", "add", "signing", "--department", department, "--key", str(public))
    assert "token" not in added
    assert added["token_url"].endswith("/oauth/token")
    terminal.run("clients", "key", "signing", str(public))
    assert [one["kind"] for one in terminal.json("clients", "credentials", "signing")] == ["key", "key"]
    for bad in (private, tmp_path / "absent.pem"):
        terminal.run("clients", "key", "signing", str(bad), wanted=REFUSED)
        terminal.run("clients", "add", "other", "--department", department, "--key", str(bad), wanted=REFUSED)


@pytest.mark.parametrize("act", ["isue", "ISSUE", "*:*", ""])
def test_an_act_that_nobody_can_do_is_refused(terminal: Terminal, act: str) -> None:  # noqa: F811
    department = terminal.world.service.catalogue.samples[TRIP].issuer
    terminal.run("clients", "add", "narrow", "--department", department, "--act", act, wanted=REFUSED)


@pytest.mark.parametrize(
    "words", [["person:0123456789abcdef0123456789"], [""], [" x"], ["two\nlines"], ["x" * 81], ["fine", "--ceiling", "-1"], ["fine", "--ceiling", str(2**31)]],
    ids=range(7),
)  # fmt: skip
def test_a_client_has_a_name_of_its_own_and_a_ceiling_that_can_be_kept(terminal: Terminal, words: list[str]) -> None:  # noqa: F811
    """Whose name begins like that of people at the desk would be one of them: cases and reservations are known by it."""
    department = terminal.world.service.catalogue.samples[TRIP].issuer
    before = len(terminal.world.service.clients.all())
    terminal.run("clients", "add", *words, "--department", department, wanted=2 if len(words) > 1 else REFUSED)
    assert len(terminal.world.service.clients.all()) == before
