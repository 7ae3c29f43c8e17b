"""What the pipeline benchmark can run: how the websites look, and what must hold."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from bench.target import PORT, addresses

# The target's addresses: many, so that no pair of them runs out of ports; with TLS few, as a certificate names few.
ADDRESSES = 64
TLS_ADDRESSES = 4
# Seconds: a check's timeout is this share of its interval, at most ten seconds (docs/architecture.md).
TIMEOUT_SHARE, TIMEOUT_MAX = 0.8, 10.0
# Names that the benchmark's own name server knows: site-N.DOMAIN is the target's address N.
DOMAIN = "bench.test"
PATTERN = r'"temperature": "([0-9.]+)"'
# Tells apart the websites that share a hostile server.
SITE = "?site="


@dataclass(frozen=True)
class Scenario:
    """Bounds are None where there are none. CPU in ms a check or % of a core, lateness in seconds, memory in MB."""

    summary: str
    websites: int
    interval: int
    seconds: float = 60.0
    cpu_ms: float | None = None
    cpu_percent: float | None = None
    lateness_p99: float | None = None
    memory: float | None = None
    beat_memory: float | None = None
    # Seconds from the start of beat to the first check.
    first_check: float | None = None
    # Megabytes a minute that the worker may grow by, over the second half.
    growth: float | None = None
    embedded: bool = False
    tls: bool = False
    names: bool = False
    # The share of websites that never answer.
    holes: float = 0.0
    # The share of websites that answer in every hostile way there is.
    hostile: float = 0.0
    # The share of websites that go down in the course of `bench.outage`.
    failing: float = 0.0
    # Megabytes (RSS) between the least and the most that the worker has, once it has settled.
    memory_range: float | None = None
    # Whether somebody creates, changes, pauses or deletes a website every second.
    edits: bool = False
    # Whether the websites are new to beat, and its start is measured as well.
    cold: bool = False
    # Whether the moment is noted when each row is written, which costs a little.
    written: bool = False
    # Whether django-celery-beat's own scheduler runs instead of this project's.
    stock: bool = False

    @property
    def hosts(self) -> list[str]:
        """The target's addresses."""
        return addresses(TLS_ADDRESSES if self.tls else ADDRESSES)

    @property
    def timeout(self) -> float:
        """Seconds that a check may take."""
        return min(TIMEOUT_MAX, TIMEOUT_SHARE * self.interval)

    @property
    def has_names(self) -> bool:
        """Whether the worker needs the benchmark's own name server."""
        return self.names or self.hostile > 0


class Hostile(NamedTuple):
    """A hostile server as the tests have it: the fields of its websites, and what a check of them must show."""

    url: str
    fields: dict[str, Any]
    title: str
    http_status: int
    # Blank for none.
    error: str


SCENARIOS = {
    "http": Scenario("plain HTTP", 10_000, 5, cpu_ms=0.20, lateness_p99=0.5),
    "many": Scenario(
        "plain HTTP, a hundred thousand", 100_000, 60, lateness_p99=1.0, beat_memory=300.0, first_check=10.0
    ),
    "few": Scenario("plain HTTP where other monitors were measured", 1_000, 5, cpu_ms=0.45),
    "idle": Scenario("no website", 0, 5, cpu_percent=2.0),
    "https": Scenario("full TLS handshakes", 4_000, 5, cpu_ms=0.70, lateness_p99=0.5, tls=True),
    "names": Scenario("a host name each", 10_000, 10, cpu_ms=0.35, lateness_p99=0.5, names=True),
    "blackholes": Scenario("a tenth never answers", 10_000, 10, lateness_p99=0.5, holes=0.1, written=True),
    "cold": Scenario("new websites, from the first second on", 10_000, 5, seconds=20.0, lateness_p99=1.0, cold=True),
    "edits": Scenario("an edit every second", 10_000, 5, lateness_p99=1.0, edits=True),
    "embedded": Scenario("SQLite and the in-process broker", 1_000, 5, lateness_p99=1.0, memory=300.0, embedded=True),
    "soak": Scenario("plain HTTP for ten minutes", 10_000, 5, seconds=600.0, lateness_p99=0.5, growth=0.2),
    "hostile": Scenario(
        "half of them hostile", 1_000, 5, seconds=300.0, lateness_p99=0.5, hostile=0.5, memory_range=20.0
    ),
    "stock": Scenario("django-celery-beat's own scheduler, to compare", 10_000, 60, stock=True),
}


def urls(scenario: Scenario) -> list[str]:
    """One URL a website that is not hostile: `/page/N` is answered, `/hole/N` never, `/fail/N` until it is out."""
    hosts = scenario.hosts
    holes = round(scenario.websites * scenario.holes)
    failing = round(scenario.websites * scenario.failing)
    kinds = ["hole"] * holes + ["fail"] * failing
    scheme = "https" if scenario.tls else "http"
    return [
        f"{scheme}://{f'site-{n}.{DOMAIN}' if scenario.names else hosts[n % len(hosts)]}:{PORT}"
        f"/{kinds[n] if n < len(kinds) else 'page'}/{n}"
        for n in range(round(scenario.websites * (1 - scenario.hostile)))
    ]


def fill(scenario: Scenario, cases: Sequence[Hostile] = ()) -> None:
    """Add the websites, as if each had been checked before, unless they are to be new."""
    from django.db.models.functions import Mod
    from django.utils import timezone

    from monitoring import schedule
    from websites.models import Website

    Website.objects.bulk_create(
        [Website(website_url=url, monitoring_interval=scenario.interval, regex=PATTERN) for url in urls(scenario)],
        batch_size=5_000,
    )
    if scenario.cold:
        return
    if cases:
        Website.objects.bulk_create(
            Website(
                website_url=f"{case.url}{SITE}{n}",
                monitoring_interval=scenario.interval,
                **{name: value for name, value in case.fields.items() if name != "timeout"},
            )
            for n, case in zip(range(round(scenario.websites * scenario.hostile)), itertools.cycle(cases), strict=False)
        )
    now = timezone.now()
    schedule.owned_tasks().update(last_run_at=now)
    if scenario.stock:
        # That scheduler counts from the last run: they are spread over the interval, as they would be after a while.
        for second in range(scenario.interval):
            ago = now - timedelta(seconds=second)
            schedule.owned_tasks().annotate(rest=Mod("pk", scenario.interval)).filter(rest=second).update(
                last_run_at=ago
            )
