"""A storm: seeded kills of deployer, gateway and slots, a few seconds apart."""

import random
import signal
import subprocess
import time
from collections import Counter

import psutil

from tests.faults import release_site
from tests.faults.release_site import ReleaseSite, ended, version
from tests.integration.running import wait_until

N_KILLS = 50
KILL_SECONDS = (1.0, 3.5)
VICTIMS = ("deployer", "deployer", "gateway", "blue", "green")
SIGNALS = (*[signal.SIGKILL] * 4, signal.SIGSTOP)


class Storm:
    """Keeps a deployer at work and strikes at random; only what hits a process counts."""

    def __init__(self, site: ReleaseSite, seed: int) -> None:
        self.site, self.random = site, random.Random(seed)
        self.deployers: list[subprocess.Popen[str]] = []
        self.done: Counter[str] = Counter()
        """Kills by signal and victim."""
        self.ends: Counter[str] = Counter()
        """How the deployers ended: exit code, or error's slug."""

    def blow(self) -> None:
        """All the kills."""
        while self.done.total() < N_KILLS:
            self._wake_sleepers()
            self._deploy()
            due = time.monotonic() + self.random.uniform(*KILL_SECONDS)
            wait_until(lambda due=due: time.monotonic() > due, "the next kill is due")
            victim, number = self.random.choice(VICTIMS), self.random.choice(SIGNALS)
            if self._strike(victim, number):
                self.done[f"{number.name} {victim}"] += 1

    def calm(self) -> None:
        """Whoever sleeps wakes, and the deployers end."""
        self.site.send(signal.SIGCONT, "gateway", "blue", "green")
        for process in self.deployers:
            process.send_signal(signal.SIGCONT)
        for process in self.deployers:
            end = ended(process)
            self.ends[end.error["code"] if "error" in end.out else str(end.code)] += 1
        print(dict(self.done), dict(self.ends))

    def victims(self) -> set[str]:
        """Who was hit."""
        return {key.split()[1] for key in self.done}

    def _wake_sleepers(self) -> None:
        """A deployer sleeps until its successor has begun; stopped in an act it holds all up."""
        for process in self.deployers[:-1]:
            process.send_signal(signal.SIGCONT)

    def _deploy(self) -> None:
        """Sees to it that a deployer is at work, beside one that sleeps."""
        self.site.send(signal.SIGCONT, "gateway")  # nobody looks after a frozen gateway
        newest = self.deployers[-1] if self.deployers else None
        if newest is None or newest.poll() is not None or is_stopped(newest.pid):
            wanted = version(self.random.choice(release_site.NUMBERS))
            verb = self.random.choice([("deploy", "--version", wanted)] * 4 + [("rollback",)])
            self.deployers.append(self.site.start(*verb))

    def _strike(self, victim: str, number: signal.Signals) -> bool:
        if victim != "deployer":
            return self.site.send(number, victim) > 0
        newest = self.deployers[-1]
        is_hit = newest.poll() is None
        newest.send_signal(number)
        return is_hit


def is_stopped(pid: int) -> bool:
    """Whether a process sleeps by SIGSTOP."""
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED
