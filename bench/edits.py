"""Somebody who edits websites while they are checked: one create, change, pause or delete a second.

Each edited website has a path of its own, so that the target sees what is requested from when to when.
"""

import threading
import time
from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

from bench.scenarios import ADDRESSES, PATTERN, Scenario
from bench.target import PORT, addresses

if TYPE_CHECKING:
    from websites.models import Website

PERIOD = 1.0
# Seconds in which an edit must take effect.
EFFECT = 2.0


class Editor(threading.Thread):
    """Edits the websites, as the web process would, until it is told to stop."""

    def __init__(self, scenario: Scenario, seconds: float) -> None:
        super().__init__(name="editor", daemon=True)
        self._interval = scenario.interval
        self._stop_asked = threading.Event()
        self._hosts = addresses(ADDRESSES)
        self._present = [self._add(f"present-{n}") for n in range(round(seconds))]
        # What was done, to which path, and when it was done (Unix time).
        self.count = 0
        self.appeared: dict[str, float] = {}
        self.gone: dict[str, float] = {}

    def run(self) -> None:
        from django.db import connections

        kinds = cycle((self._create_one, self._change_one, self._pause_one, self._delete_one))
        for number, kind in enumerate(kinds):
            if self._stop_asked.wait(PERIOD) or not self._present:
                break
            kind(number)
            self.count += 1
        connections.close_all()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()

    def late(self, seen: Mapping[str, tuple[float, float]]) -> list[str]:
        """What took effect too late, from the first and last request that the target saw by path."""
        sentences = []
        for path, saved_at in self.appeared.items():
            first = seen.get(path, (float("inf"), 0.0))[0]
            # A changed website keeps its slots: the next of them asks for the new path.
            patience = EFFECT if "new" in path else EFFECT + self._interval
            if first - saved_at > patience:
                sentences.append(f"{path} was asked for {first - saved_at:.1f} s after it was saved")
        for path, saved_at in self.gone.items():
            last = seen.get(path, (0.0, 0.0))[1]
            if last - saved_at > EFFECT:
                sentences.append(f"{path} was asked for {last - saved_at:.1f} s after it had gone")
        return sentences

    def _url(self, path: str) -> str:
        return f"http://{self._hosts[0]}:{PORT}{path}"

    def _add(self, name: str) -> tuple[int, str]:
        from websites.models import Website

        path = f"/edit/{name}"
        website = Website(website_url=self._url(path), monitoring_interval=self._interval, regex=PATTERN)
        website.save()
        return website.pk, path

    def _create_one(self, number: int) -> None:
        _, path = self._add(f"new-{number}")
        self.appeared[path] = time.time()

    def _change_one(self, number: int) -> None:
        website, path = self._take()
        new_path = f"/edit/changed-{number}"
        website.website_url = self._url(new_path)
        website.save()
        self.gone[path] = self.appeared[new_path] = time.time()

    def _pause_one(self, _number: int) -> None:
        website, path = self._take()
        website.is_active = False
        website.save()
        self.gone[path] = time.time()

    def _delete_one(self, _number: int) -> None:
        website, path = self._take()
        website.delete()
        self.gone[path] = time.time()

    def _take(self) -> tuple["Website", str]:
        from websites.models import Website

        pk, path = self._present.pop()
        return Website.objects.get(pk=pk), path
