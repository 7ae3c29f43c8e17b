"""One storm, from fresh servers to what was seen of it: `python -m bench.pipeline --scenario storm` runs this."""

import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import processes, rows
from bench.outage import CHANNELS, channel, receiver
from bench.report import percentiles
from bench.storms import Seen, Storm, websites
from bench.usage import Usage

# Before it begins: the worker settles, and its memory is measured.
SETTLE, BASELINE = 20.0, 5.0
# When the first of the quick ones goes down, as a share of the storm, and seconds between two of them.
OUTAGE_AT, OUTAGE_STEP = 0.25, 1.0
# After it: the last checks' way into the database; or a minute in which alerts are gathered.
DRAIN, GATHERED = 12.0, 90.0
# Requests that are sent this long before its end arrive while it lasts.
EDGE = 1.0
# Of how long silent ones waited, as the target saw it, this share at either end is passed over: at times it is busy.
OUTLIERS = 0.01
# What the processes must not say, whatever is missed.
FAULTS = re.compile(r"CRITICAL|Traceback|Exception|locked|lost")

Inbox = list[dict[str, Any]]


def run(storm: Storm, seconds: float) -> Seen:
    """Raises `UnavailableError`, `UnableError` or `RuntimeError`."""
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with processes.environment(folder, embedded=storm.embedded):
            import django
            from django.core.management import call_command
            from django.db import connections

            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            try:
                return _measure(storm, seconds, folder)
            finally:
                connections.close_all()


def _measure(storm: Storm, seconds: float, folder: Path) -> Seen:
    seen, usage = Seen(), Usage()
    with ExitStack() as stack:
        stack.enter_context(processes.target(storm, folder))
        _fill(storm)
        inboxes = [channel(number, *stack.enter_context(receiver())) for number in range(CHANNELS)]
        stack.enter_context(processes.product(storm, folder))
        rows.wait_for_first()
        time.sleep(SETTLE)
        seen.memory_before = _watch(Usage(), BASELINE)
        begin = time.time() + 0.5
        outage_at = begin + OUTAGE_AT * seconds
        _tell(folder / "storm", begin, begin + seconds)
        _tell(folder / "outage", outage_at, OUTAGE_STEP)
        seen.memory_peak = _watch(usage, begin + seconds - time.time())
        seen.readyz = _readyz()
        time.sleep(storm.timeout + DRAIN + (GATHERED if storm.is_outage else 0.0))
    _read_rows(seen, storm, begin, begin + seconds)
    _read_outages(seen, storm, outage_at, inboxes)
    _read_target(seen, folder, begin, begin + seconds)
    seen.missed_by_reason = _missed_by_reason()
    seen.log = [line for line in (folder / "log").read_text(errors="replace").splitlines() if FAULTS.search(line)]
    return seen


def _tell(file: Path, *numbers: float) -> None:
    """Let the target come to know two numbers."""
    new = file.with_suffix(".new")
    new.write_text(" ".join(map(str, numbers)))
    new.rename(file)


def _watch(usage: Usage, seconds: float) -> float:
    """The most memory (PSS, MB) that the worker has within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        usage.sample()
        time.sleep(1.0)
    return usage.peak["worker"]


def _fill(storm: Storm) -> None:
    """Add the websites, as if each had been checked before."""
    from django.utils import timezone

    from monitoring import schedule
    from websites.models import Website

    Website.objects.bulk_create([Website(**fields) for fields in websites(storm)], batch_size=5_000)
    schedule.owned_tasks().update(last_run_at=timezone.now())


def _readyz() -> str:
    from django.test import RequestFactory

    from monitoring.views import readyz

    return readyz(RequestFactory().get("/readyz")).content.decode()


def _missed_by_reason() -> dict[str, int]:
    from monitoring.models import Heartbeat

    found: Counter[str] = Counter()
    for counts in Heartbeat.objects.values_list("missed_by_reason", flat=True):
        found.update(counts)
    return dict(found.most_common())


def _kinds() -> dict[int, tuple[str, int]]:
    """The kind and the number of each website, by its id."""
    from websites.models import Website

    parts = ((pk, url.split("/")) for pk, url in Website.objects.values_list("pk", "website_url"))
    return {pk: (words[3], int(words[4])) for pk, words in parts}


def _checks(begin: float, end: float) -> Iterator[tuple[int, float, float, str, str]]:
    """Of the slots from begin to end: website, slot and request (Unix time), error and outcome."""
    from monitoring.models import MonitoringData

    since, until = (datetime.fromtimestamp(moment, UTC) for moment in (begin, end))
    found = MonitoringData.objects.order_by().filter(scheduled_at__gte=since, scheduled_at__lt=until)
    columns = ("website_id", "scheduled_at", "entry_timestamp", "error", "outcome")
    for website_id, due, at, error, outcome in found.values_list(*columns).iterator(chunk_size=10_000):
        yield website_id, due.timestamp(), at.timestamp(), error or "none", outcome


def _read_rows(seen: Seen, storm: Storm, begin: float, end: float) -> None:
    from monitoring.models import Outcome

    kinds = _kinds()
    slots: set[tuple[int, float]] = set()
    lateness: list[float] = []
    errors: Counter[str] = Counter()
    storm_errors: Counter[str] = Counter()
    for website_id, due, at, error, outcome in _checks(begin, end):
        kind, _ = kinds[website_id]
        if kind == storm.kind:
            storm_errors[error] += at < end - EDGE
            seen.excused += outcome == Outcome.UNKNOWN
            continue
        slots.add((website_id, due))
        lateness.append(at - due)
        if kind == "page":
            errors[error] += 1
    seen.expected = round(storm.quick * (end - begin) / storm.quick_interval)
    seen.stored = len(slots)
    seen.lateness = percentiles(lateness)
    seen.errors, seen.storm_errors = dict(errors), dict(+storm_errors)
    seen.storm_expected = round((storm.websites - storm.quick) * (end - begin - EDGE) / storm.interval)


def _read_outages(seen: Seen, storm: Storm, outage_at: float, inboxes: list[Inbox]) -> None:
    from monitoring.models import Incident

    kinds = _kinds()
    began = {pk: outage_at + OUTAGE_STEP * number for pk, (kind, number) in kinds.items() if kind == "fail"}
    opened = Incident.objects.filter(website__in=began).values_list("website_id", "opened_at")
    seen.opened = [round(at.timestamp() - began[website_id], 2) for website_id, at in opened]
    in_storm = {pk for pk, (kind, _) in kinds.items() if kind == storm.kind}
    for inbox in inboxes:
        told: dict[int, float] = {}
        counts: dict[str, list[int]] = {"began": [], "ended": []}
        for message in inbox:
            website_ids = {website["website_id"] for website in message["websites"]}
            for website_id in website_ids & began.keys():
                told.setdefault(website_id, round(message["received_at"] - began[website_id], 2))
            if message["event"] in counts and website_ids & in_storm:
                counts[message["event"]].append(len(website_ids & in_storm))
        seen.told += told.values()
        seen.began.append(counts["began"])
        seen.ended.append(counts["ended"])
        seen.overload_told.append(sum(message["event"] == "trouble" for message in inbox))


def _read_target(seen: Seen, folder: Path, begin: float, end: float) -> None:
    holes = json.loads((folder / "seen").read_text())["holes"]
    waited = sorted(seconds for began, seconds in holes if begin <= began < end)
    if waited:
        aside = int(OUTLIERS * len(waited))
        seen.waited = {"least": round(waited[aside], 2), "most": round(waited[-1 - aside], 2)}
    steps = sorted([(began, 1) for began, _ in holes] + [(began + seconds, -1) for began, seconds in holes])
    at_once = 0
    for _, step in steps:
        at_once += step
        seen.under_way = max(seen.under_way, at_once)
