"""Who gets which pages next: brings backlog, speeds and time together. Used by real and by simulated runs alike."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

from batchocr.coordinator import policy
from batchocr.coordinator.contents import Backlog, Portion
from batchocr.coordinator.pool import Worker


class Dispatcher:
    """Chooses what each worker is lent.

    Attributes:
        backlog: pages to hand out.
        speeds: of the workers, as learnt.
        budget: the time that is left.
        elsewhere: pages to hand out that are not in the backlog yet, as far as known.
        folders: documents that wait for the finisher.
    """

    def __init__(self, task_pages: int, order: policy.Order, budget: policy.TimeBudget, in_flight: int = 1) -> None:
        self._in_flight = in_flight
        self._task_pages = task_pages
        self.backlog = Backlog(task_pages, order)
        self.speeds = policy.Speeds()
        self.budget = budget
        self.elsewhere = 0
        self.folders = 0

    @property
    def left(self) -> int:
        """Pages that nobody has been lent, as far as known."""
        return self.backlog.pages + self.elsewhere

    def portions(
        self, workers: Collection[Worker], alive: Collection[str], now: float
    ) -> Iterator[tuple[Worker, Portion]]:
        """Gives what to lend to whom until nobody has room; lend each before asking for the next.

        Args:
            workers: to choose from.
            alive: whose memory each worker that is not retired works in.
            now: clock time, s.
        """
        for depth in range(1, policy.TASKS_AHEAD + 1):  # nobody gets a second task while another has none
            if self.backlog.empty:
                return
            free = [worker for worker in workers if worker.has_room(depth, self._in_flight)]
            for worker in sorted(free, key=lambda worker: worker.pages_lent):
                while worker.has_room(depth, self._in_flight) and (portion := self._next(worker, alive, now)):
                    yield worker, portion
        for worker in workers:
            while self._may_lend_more(worker, len(alive)) and (portion := self._next(worker, alive, now)):
                yield worker, portion

    def take_backs(self, workers: Collection[Worker], now: float) -> Iterator[tuple[Worker, int]]:
        """Gives whom to ask for pages to give back, and for how many, since others would read them earlier.

        Only at the end: what a worker was lent ahead is better drawn once than twice.

        Args:
            workers: to choose from.
            now: clock time, s.
        """
        if self.left or not self.backlog.empty:
            return
        ready = [worker for worker in workers if worker.state == "ready"]
        asked = sum(worker.asked for worker in ready)  # what is on its way back goes to the first of those who wait
        free = [worker for worker in ready if worker.has_room(policy.TASKS_AHEAD, self._in_flight)]
        hungry = [worker for worker in free if not worker.pages_ahead(self._in_flight)]
        takers = sorted(hungry, key=self._rest_s)[asked:]
        if not takers:
            return
        laden = (worker for worker in ready if worker.pages_ahead(self._in_flight) and not worker.asked)
        givers = heapq.nlargest(len(takers), laden, key=self._rest_s)
        for taker, giver in zip(takers, givers, strict=False):
            page_s, rest_s = self._page_s(taker), self._rest_s(taker)
            wanted = policy.pages_to_take_back(self._rest_s(giver), self._page_s(giver), rest_s, page_s)
            in_time = self.budget.pages(now, self.folders, taker.pages_lent, page_s)
            if (count := int(min(wanted, giver.pages_ahead(self._in_flight), in_time))) >= 1:
                yield giver, count

    def _page_s(self, worker: Worker) -> float:
        """Gives what a page takes a worker; one that has read none counts as the fastest."""
        return self.speeds.page_s(worker.name) or self.speeds.fastest_page_s() or 1.0

    def _rest_s(self, worker: Worker) -> float:
        return worker.pages_lent * self._page_s(worker)

    def _may_lend_more(self, worker: Worker, workers: int) -> bool:
        page_s = self.speeds.page_s(worker.name)
        if page_s is None or len(worker.lent) * page_s >= policy.WORK_AHEAD_S:  # no need to count pages
            return False
        if worker.state != "ready" or self.backlog.empty:
            return False
        return policy.may_lend_more(len(worker.lent), worker.pages_lent, page_s, self.left, workers)

    def _next(self, worker: Worker, alive: Collection[str], now: float) -> Portion | None:
        """Gives the pages that a worker gets next, or None."""
        if self.backlog.empty:
            return None
        page_s = self.speeds.page_s(worker.name)
        speed = self.speeds.relative(worker.name)
        count = policy.range_pages(self.left, len(alive), speed, self._task_pages, known=page_s is not None)
        in_time = self.budget.pages(now, self.folders, worker.pages_lent, page_s)
        if in_time < 1:
            return None
        return self.backlog.next_portion(int(min(count, in_time)), worker.device.memory_name, alive)
