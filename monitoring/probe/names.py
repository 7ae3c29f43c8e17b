"""Looks up host names in threads, so that names whose servers are silent hold up no others.

libcurl has threads for that itself, but 20 at most as pycurl offers it: two dozen names that hang would delay all.
Here, threads are added while names wait, a name that is asked for twice is looked up once, and what did
not get its turn is told apart from what got no answer: the one is our fault, the other the name's.
"""

import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

# Threads that are started whenever names wait, and at most, once names have waited for so many seconds.
FEW_THREADS = 16
MOST_THREADS = 512
PATIENCE = 0.05
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

    __slots__ = ("addresses", "asked_at", "begun", "error", "host", "is_wanted")

    def __init__(self, host: str) -> None:
        self.host = host
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
        self._queue: deque[tuple[str, float]] = deque()
        self._under_way: set[str] = set()
        self._threads = 0
        self._idle = 0
        self._is_closed = False

    def ask(self, host: str) -> Lookup:
        """Have a name looked up; whoever asks may set `is_wanted` to False, where the result no longer matters."""
        lookup = Lookup(host)
        with self._changed:
            others = self._asked.get(host)
            if others is not None:
                lookup.begun = host in self._under_way
                others.append(lookup)
                return lookup
            self._asked[host] = [lookup]
            self._queue.append((host, lookup.asked_at))
            self._changed.notify()
            self._grow()
        return lookup

    def grow(self) -> None:
        """Add threads where names have waited too long: to be called now and then while lookups are open."""
        if self._queue:
            with self._changed:
                while self._grow():
                    pass

    def close(self) -> None:
        """Report nothing more. Lookups under way cannot be ended; their threads end with them, or with the process."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _grow(self) -> bool:
        waiting = len(self._queue) - self._idle
        if waiting <= 0 or self._threads >= MOST_THREADS or self._is_closed:
            return False
        # Those just started have not taken their names yet.
        if self._threads >= FEW_THREADS and time.monotonic() - self._queue[0][1] < PATIENCE:
            return False
        with suppress(RuntimeError):
            # Without room for another thread, names wait for the present ones.
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
            self._threads += 1
            self._idle += 1
            return True
        return False

    def _work(self) -> None:
        """A thread's life; it counts as idle from its start."""
        while (host := self._take()) is not None:
            addresses, error = self._resolve(host)
            with self._changed:
                self._under_way.discard(host)
                for lookup in self._asked.pop(host, ()):
                    lookup.addresses, lookup.error = addresses, error
                    if not self._is_closed:
                        self._on_done(lookup)
                self._idle += 1

    def _take(self) -> str | None:
        """The next name that somebody still waits for; None where the thread may end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._queue or self._is_closed, IDLE_SECONDS)
                if self._is_closed or not self._queue:
                    self._idle -= 1
                    self._threads -= 1
                    return None
                host, _ = self._queue.popleft()
                lookups = self._asked[host]
                if any(lookup.is_wanted for lookup in lookups):
                    break
                del self._asked[host]
            self._idle -= 1
            self._under_way.add(host)
            for lookup in lookups:
                lookup.begun = True
            return host

    def _resolve(self, host: str) -> tuple[tuple[str, ...], int]:
        try:
            return self._look_up(host), 0
        except OSError as error:
            return (), error.errno or socket.EAI_FAIL
        except UnicodeError:
            # Labels that are too long or empty, which are no names at all.
            return (), socket.EAI_NONAME
