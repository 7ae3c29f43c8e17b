"""Looks up host names in threads, so that names whose servers are silent hold up no others.

libcurl has threads for that itself, but 20 at most as pycurl offers it: two dozen names that hang would delay all.
Here, threads are added while names wait, a name that is asked for twice is looked up once, and what did
not get its turn is told apart from what got no answer: the one is our fault, the other the name's.
"""

import logging
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

logger = logging.getLogger(__name__)

# Threads that are started whenever names wait, and at most, once names have waited for so many seconds.
FEW_THREADS = 16
MOST_THREADS = 1_024
# The part of them that names of websites which are not quick may take: the others need not wait for those that hang.
SHARE_OF_SLOW = 0.75
PATIENCE = 0.05
# Why a name that was never looked up has no address.
TOO_MANY_NAMES = "too many names are being looked up"
# Seconds after which a thread that found nothing to do ends.
IDLE_SECONDS = 30.0

# A host that is a name in plain ASCII, with its port. Anything else is left to libcurl: addresses, which need
# no lookup, and rare spellings that it knows better.
NAME_IN_URL = re.compile(
    r"(https?)://(?:[^/?#@]*@)?((?=[0-9.]*[a-z_-])[a-z0-9_.-]++)(?::([0-9]{1,5}))?(?:[/?#]|\Z)", re.IGNORECASE
)
# A name that ends in a number is an address to libcurl, in hexadecimal too.
NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
DEFAULT_PORTS = {"http": 80, "https": 443}
# libcurl never asks anybody for these (RFC 6761 section 6.3).
LOCAL = re.compile(r"(?:.*\.)?localhost\.?", re.IGNORECASE)

LookUp = Callable[[str], tuple[str, ...]]


class Lookup:
    """One name that somebody waits for. `addresses` or `error` (an EAI_* number) is set where it is done."""

    __slots__ = ("addresses", "asked_at", "begun", "error", "host", "is_slow", "is_wanted")

    def __init__(self, host: str, *, is_slow: bool = False) -> None:
        self.host = host
        self.is_slow = is_slow
        self.asked_at = time.monotonic()
        self.begun = False
        self.is_wanted = True
        self.addresses: tuple[str, ...] = ()
        self.error = 0


def name_in(url: str) -> tuple[str, int] | None:
    """The host name and the port of an http(s) URL; None where there is no name to look up."""
    found = NAME_IN_URL.match(url)
    if found is None or LOCAL.fullmatch(found[2]) or NUMBER.fullmatch(found[2]):
        return None
    return found[2], int(found[3]) if found[3] else DEFAULT_PORTS[found[1].lower()]


def look_up(host: str) -> tuple[str, ...]:
    """Every address of a name, in the order in which the system would try them. Raises `OSError`, `UnicodeError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    # A scope (fe80::1%eth0) means nothing in a name's addresses.
    return tuple(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))


def of_version(addresses: tuple[str, ...], version: int | None) -> tuple[str, ...]:
    """Those of the addresses that are of this version of IP; all where it is None."""
    if version is None:
        return addresses
    return tuple(address for address in addresses if (":" in address) == (version == 6))


class Resolver:
    """Threads that look names up. `on_done` is called in one of them, quickly and for each lookup once."""

    def __init__(self, on_done: Callable[[Lookup], None], *, by: LookUp = look_up) -> None:
        self._on_done = on_done
        self._look_up = by
        self._changed = threading.Condition()
        # Who waits for which name, and the names that no thread has taken yet, with the moment of the first request.
        self._asked: dict[str, list[Lookup]] = {}
        # First those of websites that were quick last time, then all others.
        self._queues: tuple[deque[Lookup], deque[Lookup]] = deque(), deque()
        self._under_way: set[str] = set()
        self._slow_under_way = 0
        self._threads = 0
        self._idle = 0
        self._is_closed = False

    def ask(self, host: str, *, is_slow: bool = False) -> Lookup:
        """Have a name looked up, later than others if it is of a website that was not quick.

        Whoever asks may set `is_wanted` to False if the result no longer matters.
        """
        lookup = Lookup(host, is_slow=is_slow)
        with self._changed:
            others = self._asked.get(host)
            if others is not None:
                lookup.begun = host in self._under_way
                others.append(lookup)
                if not is_slow and not lookup.begun:
                    self._promote(others[0])
                return lookup
            self._asked[host] = [lookup]
            self._queues[is_slow].append(lookup)
            self._changed.notify()
            self._grow()
        return lookup

    def _promote(self, first: Lookup) -> None:
        """Have a name looked up with the first of them, as a quick website asks for it as well."""
        if first.is_slow:
            self._queues[True].remove(first)
            first.is_slow = False
            self._queues[False].append(first)
            self._changed.notify()

    def grow(self) -> None:
        """Add threads where names have waited too long: to be called now and then while lookups are open."""
        if any(self._queues):
            with self._changed:
                while self._grow():
                    pass

    def close(self) -> None:
        """Report nothing more. Lookups under way cannot be ended; their threads end with them, or with the process."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _grow(self) -> bool:
        queue = self._next_queue()
        if queue is None or self._threads >= MOST_THREADS or self._is_closed:
            return False
        # Those just started have not taken their names yet.
        if sum(map(len, self._queues)) <= self._idle:
            return False
        if self._threads >= FEW_THREADS and time.monotonic() - queue[0].asked_at < PATIENCE:
            return False
        with suppress(RuntimeError):
            # Without room for another thread, names wait for the present ones.
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
            self._threads += 1
            self._idle += 1
            return True
        return False

    def _next_queue(self) -> "deque[Lookup] | None":
        """The queue that goes next; None if nothing waits that may have a thread."""
        quick, slow = self._queues
        if quick:
            return quick
        return slow if slow and self._slow_under_way < max(1, int(MOST_THREADS * SHARE_OF_SLOW)) else None

    def _work(self) -> None:
        """A thread's life; it counts as idle from its start."""
        while (first := self._take()) is not None:
            addresses, error = self._resolve(first.host)
            with self._changed:
                self._under_way.discard(first.host)
                self._slow_under_way -= first.is_slow
                for lookup in self._asked.pop(first.host, ()):
                    lookup.addresses, lookup.error = addresses, error
                    if not self._is_closed:
                        self._on_done(lookup)
                self._idle += 1
                if self._slow_under_way and self._queues[True]:
                    # It may have waited for this, and not for a thread.
                    self._changed.notify()

    def _take(self) -> Lookup | None:
        """The lookup of the next name that somebody still waits for; None if the thread may end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._next_queue() or self._is_closed, IDLE_SECONDS)
                queue = self._next_queue()
                if self._is_closed or queue is None:
                    self._idle -= 1
                    self._threads -= 1
                    return None
                first = queue.popleft()
                lookups = self._asked[first.host]
                if any(lookup.is_wanted for lookup in lookups):
                    break
                del self._asked[first.host]
            self._idle -= 1
            self._under_way.add(first.host)
            self._slow_under_way += first.is_slow
            for lookup in lookups:
                lookup.begun = True
            return first

    def _resolve(self, host: str) -> tuple[tuple[str, ...], int]:
        try:
            return self._look_up(host), 0
        except OSError as error:
            return (), error.errno or socket.EAI_FAIL
        except UnicodeError:
            # Labels that are too long or empty, which are no names at all.
            return (), socket.EAI_NONAME
        except Exception:
            # Whoever waits for it must hear of it, and the next names want this thread.
            logger.exception("a name could not be looked up")
            return (), socket.EAI_FAIL
