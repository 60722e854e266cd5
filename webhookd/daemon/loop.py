"""One thread that waits for many sockets: epoll, so that a thousand idle connections cost nothing."""

import os
import select
import threading
from collections import deque
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
BROKEN = select.EPOLLHUP | select.EPOLLERR

_EVENTS_AT_ONCE = 256

Handler = Callable[[int], None]


class Loop:
    """Calls whoever watches a descriptor when something happens on it, and what other threads ask for."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._rung = False
        self._thread = threading.get_ident()
        self.watch(self._bell, self._hear_bell, READ)

    def watch(self, descriptor: int, handler: Handler, events: int) -> None:
        """Call *handler* with the events that happen on *descriptor*."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Watch *descriptor* for *events* from now on."""
        self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Watch *descriptor* no more; it must still be open."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def turn(self, seconds: float) -> None:
        """Wait for *seconds*, until something happens or until `wake`, and deal with all that happened."""
        self._thread = threading.get_ident()
        for descriptor, events in self._epoll.poll(0 if self._calls else seconds, _EVENTS_AT_ONCE):
            handler = self._handlers.get(descriptor)
            if handler is not None:  # an earlier one of this turn may have closed it
                self._run(lambda handler=handler, events=events: handler(events))  # type: ignore[misc]
        for _ in range(len(self._calls)):
            self._run(self._calls.popleft())

    def call_soon(self, call: Callable[[], None]) -> None:
        """Have *call* done by the thread that turns; any thread may ask for it."""
        self._calls.append(call)
        if not self.is_here:
            self.wake()

    @property
    def is_here(self) -> bool:
        """Tell whether the calling thread is the one that turns."""
        return threading.get_ident() == self._thread

    def wake(self) -> None:
        """End the wait of `turn`; any thread and any signal handler may do that."""
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Watch nothing any more.

        The bell stays open: a thread that rings it late must not hit whatever has its number by then.
        """
        self._epoll.close()

    def _hear_bell(self, _events: int) -> None:
        # In this order: a ring between the two would be read, and be taken for one that is still to come.
        # Who finds the bell rung has put its call where `turn` will look after this.
        os.eventfd_read(self._bell)
        self._rung = False

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            log.exception("loop call failed")  # a bug of ours; the other connections go on
