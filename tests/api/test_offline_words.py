"""What is said at a shell without network is said in both languages."""

from licence_service.wording import QUESTIONS, RESULTS
from tests.api.test_status import STAYS, Shell, Story, shell, story

__all__ = ["shell", "story"]  # the fixtures


def test_every_reason_at_a_shell_is_in_both_languages(story: Story, shell: Shell) -> None:
    at = story.world.clock().isoformat()
    shell.environment = {**shell.environment, "COLUMNS": "300"}
    bundle = ("--bundle", shell.folder / "trust.jws", "--key", shell.folder / "keeper.pem", "--at", at)

    said = shell.run("check-offline", story.issued[STAYS]["verify_url"], *bundle)
    for words in (*QUESTIONS.values(), RESULTS["yes"], ("二维码签名真实", "The code's signature is genuine"), ("状态资料截至", "status as of")):
        assert all(word in said for word in words), words
    wrong = shell.run("check-offline", story.issued[STAYS]["verify_url"], *bundle, "--server-time", "2020-01-01T00:00:00+00:00", wanted=5)
    assert "本机时钟偏差" in wrong
    assert "the clock of this device is wrong by" in wrong
