"""Runs the policy against devices that do not exist, in virtual time: how long a run would take, and who would idle.

Backlog, dispatch and policy are those of a real run; only documents, devices and the clock are made up.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchocr.coordinator.books import TASKS_AHEAD
from batchocr.coordinator.contents import Content
from batchocr.coordinator.dispatch import Dispatcher
from batchocr.coordinator.policy import Order, TimeBudget, rank_of
from batchocr.coordinator.pool import Lent, Worker
from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, PageRanges, Task
from batchocr.devices import Device

MAX_PAGES = 20_000
# Sizes of documents follow a Pareto distribution: most have a few pages, a few have thousands.
SHORTEST_PAGES, TAIL = 2.0, 1.2
_NOBODY = DocumentRef("", "", "", FileIdentity(0, 0, 0), DocumentFormat.PDF, 1)


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    Attributes:
        sizes: pages of each document, in the order of the inputs.
        page_s: what a page takes each device, s.
        startup_s: what loading takes each device, s; the first loads alone.
        page_spread: standard deviation of a page's time, as a share of its mean.
        failures_per_hour: how often a device dies.
        task_pages: as the setting.
        order: as the setting.
        seed: of all chance.
    """

    sizes: Sequence[int]
    page_s: Sequence[float]
    startup_s: float = 20.0
    page_spread: float = 0.3
    failures_per_hour: float = 0.0
    task_pages: int = 16
    order: Order = "biggest"
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a simulated run.

    Attributes:
        devices: how many there were.
        documents, pages: how many there were.
        makespan_s: when the last page was done, s.
        bound_s: when it would have been, had every device been busy from its start to the end, s.
        idle_mean, idle_max: share of the time after its start in which a device had nothing to do.
        tasks: page ranges handed out.
        failures: deaths of devices.
        policy_s_per_page: what choosing took this machine for each page, s.
    """

    devices: int
    documents: int
    pages: int
    makespan_s: float
    bound_s: float
    idle_mean: float
    idle_max: float
    tasks: int
    failures: int
    policy_s_per_page: float


def draw_sizes(pages: int, seed: int = 0) -> list[int]:
    """Gives sizes of documents that have so many pages together, heavy-tailed, in random order."""
    dice = random.Random(seed)
    sizes = []
    while pages > 0:
        size = min(pages, MAX_PAGES, int(SHORTEST_PAGES * dice.paretovariate(TAIL)) - 1)
        sizes.append(max(1, size))
        pages -= sizes[-1]
    return sizes


def draw_speeds(devices: int, page_s: float, spread: float, seed: int = 0) -> list[float]:
    """Gives what a page takes each of so many devices, s, evenly within `spread` (a share) of the mean."""
    dice = random.Random(seed)
    return [page_s * dice.uniform(1 - spread, 1 + spread) for _ in range(devices)]


def lower_bound_s(pages: int, page_s: Sequence[float], ready_at: Sequence[float]) -> float:
    """Gives when so many pages are done if every device is busy from its start to the end, s."""
    done_at = math.inf
    rate = work = 0.0
    for start, seconds in sorted(zip(ready_at, page_s, strict=True)):
        if start >= done_at:
            break
        rate += 1 / seconds
        work += start / seconds
        done_at = (pages + work) / rate
    return done_at


def simulate(scenario: Scenario) -> Outcome:
    """Gives what would come of a run."""
    return _Simulation(scenario).run()


class _Simulation:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._dice = random.Random(scenario.seed)
        self._pages = sum(scenario.sizes)
        self._dispatch = Dispatcher(scenario.task_pages, scenario.order, TimeBudget(None))
        self._dispatch.elsewhere = self._pages
        self._waiting = deque(self._contents())
        self._workers = [Worker(str(number), Device("cpu", "cpu", number)) for number in range(len(scenario.page_s))]
        self._alive = [worker.name for worker in self._workers]
        self._ready_at = [scenario.startup_s * (1 if number == 0 else 2) for number in range(len(self._workers))]
        self._events: list[tuple[float, int, str, int]] = []
        self._numbers = itertools.count()
        self._busy_s = [0.0] * len(self._workers)
        self._begun = [-1.0] * len(self._workers)  # of the task in hand
        self._page_s = list(self._scenario.page_s)  # of its pages
        self._done = self._tasks = self._failures = 0
        self._policy_s = 0.0

    def run(self) -> Outcome:
        for number, ready_at in enumerate(self._ready_at):
            self._at(ready_at, "ready", number)
        now = 0.0
        while self._done < self._pages:
            now, _, what, number = heapq.heappop(self._events)
            if what == "ready":
                self._workers[number].state = "ready"
                if self._scenario.failures_per_hour:
                    self._at(now + self._dice.expovariate(self._scenario.failures_per_hour / 3600), "dies", number)
            elif what == "dies":
                self._die(number, now)
            elif self._workers[number].generation == int(what):
                self._end_task(number)
            self._lend(self._workers if what == "dies" else [self._workers[number]], now)
            self._take_back(number, now)
        idle = [
            1 - busy / (now - ready) for busy, ready in zip(self._busy_s, self._ready_at, strict=True) if now > ready
        ]
        return Outcome(
            len(self._workers), len(self._scenario.sizes), self._pages, now,
            lower_bound_s(self._pages, self._scenario.page_s, self._ready_at), sum(idle) / len(idle), max(idle),
            self._tasks, self._failures, self._policy_s / self._pages,
        )  # fmt: skip

    def _contents(self) -> Iterator[Content]:
        """Gives the documents in the order of their rank; their pages are listed when they are taken in hand."""
        order = self._scenario.order
        ranked = sorted((rank_of(order, place, size), place, size) for place, size in enumerate(self._scenario.sizes))
        return (Content(place, _NOBODY, PageRanges(((1, size),)), "", rank=rank) for rank, place, size in ranked)

    def _take_in_hand(self) -> None:
        backlog, task_pages = self._dispatch.backlog, self._scenario.task_pages
        while self._waiting and (wanted := backlog.wants(TASKS_AHEAD * task_pages * len(self._workers))) != "nothing":
            if wanted == "short" and len(self._waiting[-1].page_nos) > task_pages:
                return
            content = self._waiting.popleft() if wanted == "next" else self._waiting.pop()
            content.pending = list(content.page_nos)
            self._dispatch.elsewhere -= len(content.pending)
            backlog.add(content)

    def _lend(self, workers: Sequence[Worker], now: float) -> None:
        begun = time.perf_counter()
        self._take_in_hand()
        for worker, portion in self._dispatch.portions(workers, self._alive, now):
            self._tasks += 1
            task = Task(self._tasks, portion.content.content_id, _NOBODY, portion.page_nos, "")
            worker.lent[self._tasks] = Lent(task, portion.content, worker.name, set(portion.page_nos))
        self._policy_s += time.perf_counter() - begun
        for worker in workers:
            self._begin_task(worker, now)

    def _begin_task(self, worker: Worker, now: float) -> None:
        """Starts the oldest task of a worker that has nothing in hand."""
        number = int(worker.name)
        if not worker.lent or self._begun[number] >= 0 or worker.state != "ready":
            return
        spread = self._scenario.page_spread / math.sqrt(len(next(iter(worker.lent.values())).unreported))
        self._page_s[number] = self._scenario.page_s[number] * max(0.1, self._dice.gauss(1.0, spread))
        self._begun[number] = now
        self._announce_end(worker)

    def _announce_end(self, worker: Worker) -> None:
        """Says when the task in hand will end, whatever was said before."""
        number = int(worker.name)
        pages = len(next(iter(worker.lent.values())).unreported)
        worker.generation += 1
        self._at(self._begun[number] + pages * self._page_s[number], str(worker.generation), number)

    def _report(self, number: int, pages: int) -> None:
        """Counts so many pages of the task in hand as read."""
        worker, page_s = self._workers[number], self._page_s[number]
        lent = next(iter(worker.lent.values()))
        done = sorted(lent.unreported)[:pages]
        lent.unreported.difference_update(done)
        lent.content.lent.difference_update(done)
        if done:
            self._dispatch.speeds.learn(worker.name, page_s, len(done))
        self._begun[number] += len(done) * page_s
        self._busy_s[number] += len(done) * page_s
        self._done += len(done)

    def _report_by(self, number: int, now: float) -> None:
        """Counts what a worker has read by now of the task in hand, if any; its last page is told at the task's end."""
        if self._begun[number] >= 0:
            lent = next(iter(self._workers[number].lent.values()))
            pages = math.floor((now - self._begun[number]) / self._page_s[number])
            if pages and len(lent.unreported) > 1:
                self._report(number, min(pages, len(lent.unreported) - 1))

    def _end_task(self, number: int) -> None:
        worker = self._workers[number]
        self._report(number, len(next(iter(worker.lent.values())).unreported))
        worker.lent.pop(next(iter(worker.lent)))
        self._begun[number] = -1.0

    def _die(self, number: int, now: float) -> None:
        """A device dies: what it did not report goes back, and it starts again."""
        worker = self._workers[number]
        self._report_by(number, now)
        for lent in worker.take_all().values():
            self._dispatch.backlog.give_back(lent.content, lent.unreported)
        worker.state = "waiting"
        worker.generation += 1
        self._begun[number] = -1.0
        self._failures += 1
        self._at(now + self._scenario.startup_s, "ready", number)

    def _take_back(self, free: int, now: float) -> None:
        """Moves pages, at once, from workers that have pages ahead to one that has none, if this one has none."""
        if self._dispatch.left or self._workers[free].pages_ahead(1):
            return
        for number in range(len(self._workers)):
            self._report_by(number, now)
        asked = list(self._dispatch.take_backs(self._workers, now))
        for worker, count in asked:
            self._give_back(worker, count)
        if asked:
            self._lend(self._workers, now)

    def _give_back(self, worker: Worker, count: int) -> None:
        """Takes so many pages from a worker, the last ones first."""
        in_hand = next(iter(worker.lent))
        for number, lent in reversed(list(worker.lent.items())):
            pages = sorted(lent.unreported)[-count:] if count else []
            count -= len(pages)
            lent.unreported.difference_update(pages)
            self._dispatch.backlog.give_back(lent.content, pages)
            if not lent.unreported:
                del worker.lent[number]
            elif pages and number == in_hand:
                self._announce_end(worker)

    def _at(self, when: float, what: str, number: int) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), what, number))
