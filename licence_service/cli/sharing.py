"""A re-seal campaign carried by several processes of this machine, each with its own share of the licences."""

import atexit
import os
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import Thread

from licence_service.campaign import Runner
from licence_service.cli.carriers import end_with
from licence_service.cli.talking import Step, err
from licence_service.service import build
from licence_service.settings import read_settings
from licence_service.store.campaigns import Share

_LOOK = 1.0  # seconds between two looks at how many licences are left


def run_shared(runner: Runner, campaign_id: str, count: int, step: Step) -> None:
    """Have `count` processes go through the open rows, then return; what one of them left, for whatever reason, stays open for `Runner.run`.

    Raise what stopped a process. A process that is killed loses nothing: what it had begun is taken over under the same keys.
    """
    left = runner.open(campaign_id)
    with ProcessPoolExecutor(count, get_context("spawn"), _Sharer.begin, (os.getpid(),)) as pool:
        asked = [pool.submit(_Sharer.carry, campaign_id, Share(number, count)) for number in range(count)]
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
            return


class _Sharer:
    """What a process keeps open until it ends."""

    runner: Runner

    @classmethod
    def begin(cls, parent: int) -> None:
        """Open the service in this process, which ends when its parent does."""
        Thread(target=end_with, args=(parent,), daemon=True).start()
        opened = build(read_settings())
        cls.runner = opened.runner()
        atexit.register(opened.close)

    @classmethod
    def carry(cls, campaign_id: str, share: Share) -> None:
        """Go through one share."""
        cls.runner.run_share(campaign_id, share)
