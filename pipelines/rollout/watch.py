"""`python -m pipelines.rollout.watch HOME`: an event listener of supervisord, for the slots.

The supervisor restarts what dies. This adds what it cannot see: a slot that lives and answers
nothing is killed, so that it is restarted; a champion that crashes again and again gives way to the
version before it. `Judge` only counts; acts go through supervisor and deployment machine.
"""

import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import httpx

from pipelines import storage
from pipelines.contracts.release import SLOTS, Deployment, Ports, SlotName
from pipelines.errors import TandemError
from pipelines.home import Home
from pipelines.programs import Program
from pipelines.progress import log
from pipelines.rollout import machine, registry
from pipelines.rollout.drive import drive
from pipelines.rollout.local import local_client
from pipelines.rollout.site import Site
from pipelines.rollout.turn import turn
from pipelines.supervisor import Supervisor

NAME = "watchdog"
EVENTS = ("TICK_5", "PROCESS_STATE_BACKOFF", "PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL")
ALIVE = ("STARTING", "RUNNING")
MISSES = 2  # unanswered questions in a row, one with each tick of five seconds
ANSWER_SECONDS = 3.0
START_TICKS = 24  # two minutes in which a slot that starts need not answer
CRASHES = 3  # in a row, without getting ready in between
GOING_BACK = ("rolling-back", "draining")  # a try that failed on its way: the next one goes on
PATIENCE_SECONDS = 30.0  # with the version that is returned to, which is warm


@dataclass
class Judge:
    """What was seen of the slots, and what follows from it."""

    crashes: Counter[SlotName] = field(default_factory=Counter)
    silent: Counter[SlotName] = field(default_factory=Counter)
    """Ticks in a row without an answer."""
    answered: dict[SlotName, int] = field(default_factory=dict)
    """The process of each slot that has answered before."""

    def crashed(self, slot: SlotName) -> bool:
        """Takes note of a crash; whether it was one too many."""
        self.crashes[slot] += 1
        return self.crashes[slot] >= CRASHES

    def asked(self, slot: SlotName, pid: int, *, lives: bool, is_ready: bool) -> bool:
        """Takes note of what a running slot answered; whether it is frozen."""
        if is_ready:
            self.crashes[slot] = 0
        if lives:
            self.silent[slot], self.answered[slot] = 0, pid
            return False
        self.silent[slot] += 1
        limit = MISSES if self.answered.get(slot) == pid else START_TICKS
        return self.silent[slot] >= limit

    def forget(self, slot: SlotName) -> None:
        """The slot's process is another one from now on, or none runs."""
        self.silent[slot] = 0


class Watchdog:
    """Acts on what the judge finds."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._supervisor = Supervisor(home)
        self._judge = Judge()
        self._client = local_client(ANSWER_SECONDS)

    def take(self, event: str, slot: str | None) -> None:
        """One event of the supervisor; never raises, since it would be the listener's end."""
        try:
            if event.startswith("TICK"):
                self._look()
            elif slot in SLOTS:
                self._crashed(SLOTS[SLOTS.index(slot)], event)
        except TandemError as error:
            log(f"{error.code}: {error.message}")
        except Exception:  # a new listener would have forgotten what it counted
            log(traceback.format_exc())

    def _look(self) -> None:
        ports = storage.read_record(self._home.ports, Ports).numbers()
        services = {service.name: service for service in self._supervisor.services()}
        for slot in SLOTS:
            service = services.get(slot)
            if service is None or service.state not in ALIVE or service.pid is None:
                self._judge.forget(slot)
                continue
            lives = self._is_answered(f"http://127.0.0.1:{ports[slot]}/livez")
            is_ready = lives and self._is_answered(f"http://127.0.0.1:{ports[slot]}/readyz")
            if self._judge.asked(slot, service.pid, lives=lives, is_ready=is_ready):
                log(f"slot {slot} (pid {service.pid}) answers nothing: it is killed")
                self._judge.forget(slot)
                self._supervisor.kill(slot)

    def _is_answered(self, url: str) -> bool:
        try:
            return self._client.get(url).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _crashed(self, slot: SlotName, event: str) -> None:
        is_enough = self._judge.crashed(slot)
        log(f"slot {slot}: {event}, {self._judge.crashes[slot]} in a row")
        if is_enough:
            self._restore(slot)

    def _restore(self, slot: SlotName) -> None:
        """Returns to the version before, where the crashing slot is the champion's."""
        with turn(self._home, NAME):
            site = Site(self._home, lambda live: registry.tell(self._home, live))
            record = site.record()
            if record.state not in GOING_BACK:
                if not _is_champion(record, slot) or record.previous is None:
                    return
                count = self._judge.crashes[slot]
                record = machine.begin_rollback(record, f"crashed {count} times in a row")
                site.save(record)
            live = drive(record, site, PATIENCE_SECONDS).champion
            log(f"{live.version if live else 'nothing'} is live again")


def program(home: Home) -> Program:
    """The listener, as a program of the home's supervisor."""
    return Program(
        name=NAME,
        command=(sys.executable, "-m", "pipelines.rollout.watch", str(home.path)),
        directory=Path(__file__).parents[2],
        events=EVENTS,
    )


def main(folder: str, events: TextIO, answers: TextIO) -> None:
    """Takes events until there are none: the supervisor's protocol on two streams."""
    watchdog = Watchdog(Home(Path(folder)))
    while True:
        answers.write("READY\n")
        answers.flush()
        header = _words(events.readline())
        if not header:
            return
        content = _words(events.read(int(header["len"])))
        watchdog.take(header["eventname"], content.get("groupname"))
        answers.write("RESULT 2\nOK")
        answers.flush()


def _is_champion(record: Deployment, slot: SlotName) -> bool:
    return record.state == "idle" and record.champion is not None and record.champion.slot == slot


def _words(line: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in line.split() if ":" in word)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin, sys.stdout)
