"""A re-seal campaign carried by several processes of this machine, each with its own part of the licences that are this machine's."""

import os
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from licence_service.campaign import Runner
from licence_service.cli.carriers import opened_beside
from licence_service.cli.talking import Step, err
from licence_service.store.campaigns import WHOLE, Share

_LOOK = 5.0  # seconds between two looks at how many licences are left: each counts all rows


def run_shared(runner: Runner, campaign_id: str, count: int, step: Step, share: Share = WHOLE) -> None:
    """Have `count` processes go through the open rows of a share, then return; what waits for another act stays open for `Runner.run`.

    Raise what stopped a process. A process that is killed loses nothing: this one takes over what it had, under the same keys.
    """
    left = runner.open(campaign_id)
    with ProcessPoolExecutor(count, get_context("spawn"), _Sharer.begin, (os.getpid(),)) as pool:
        asked = [pool.submit(_Sharer.carry, campaign_id, part) for part in share.parts(count)]
        waiting = set(asked)
        while waiting:
            _, waiting = wait(waiting, timeout=_LOOK)
            before, left = left, runner.open(campaign_id)
            step("", before - left)
    for one in asked:
        try:
            one.result()
        except BrokenProcessPool:
            err.print("a process was killed; what is left is done here")
            runner.run_share(campaign_id, share)
            return


class _Sharer:
    """What a process keeps open until it ends."""

    runner: Runner

    @classmethod
    def begin(cls, parent: int) -> None:
        """Open the service in this process."""
        cls.runner = opened_beside(parent).runner()

    @classmethod
    def carry(cls, campaign_id: str, share: Share) -> None:
        """Go through one share."""
        cls.runner.run_share(campaign_id, share)
