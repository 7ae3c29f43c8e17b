"""Whether this process was told to stop: what takes long asks now and then, and leaves off."""

import threading

_asked = threading.Event()


def ask() -> None:
    _asked.set()


def is_asked() -> bool:
    return _asked.is_set()
