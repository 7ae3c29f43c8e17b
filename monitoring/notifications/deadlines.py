"""An end to what is sent: the timeouts of sockets begin anew with every byte that drips in."""

import contextlib
import os
import socket
import threading
from types import TracebackType
from typing import Self

# What the other side gets of the time that a sender has; with the rest, it takes down what it built.
SHARE = 0.9


class Deadline:
    """Shuts down the connections that it watches, so many seconds after it was made.

    Whoever reads or writes there then finds the other side gone. Close it after use; any thread may.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connection: socket.socket) -> None:
        """From before it is connected. Raises `TimeoutError` where time is up already."""
        with self._lock:
            if self.is_over:
                raise TimeoutError("time is up")
            # A copy: TLS takes the socket away from the object that was connected.
            self._watched.append(socket.socket(fileno=os.dup(connection.fileno())))

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        with self._lock:
            while self._watched:
                self._watched.pop().close()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._watched:
                # Not connected, or not any more.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
