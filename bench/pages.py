"""How quick the pages that people look at are, over years of history, while checks go on.

`python -m bench.pages` fills a private PostgreSQL with 10,000 websites, ten million checks of 30 days and a year of
rollups, runs web, beat and worker as users run them, at 1,000 checks a second, and asks for each page again and again.
It prints one table and what became of the checks meanwhile. The exit code is 1 where a stated bound does not hold.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from bench import lists, processes, rows
from bench.binaries import UnavailableError
from bench.lists import Page
from bench.report import Report, percentiles
from bench.scenarios import Scenario
from bench.servers import EXIT_SKIP

# Milliseconds, of the 95th percentile.
OVERVIEW = WEBSITE = 150.0
STATUS = 20.0
STATS = 50.0
INTERVAL = 10
# Websites on the status page.
SHOWN = 50
SETTLE = 15.0
# Seconds between two requests: people look while checks go on, they are not the load.
PAUSE = 0.05
# Each hour of the year has what this hour would show: a website that answers in 20 to 200 ms and fails now and then.
HOURS = """
    INSERT INTO monitoring_hourlyrollup (website_id, started_at, expected, up, down, unknown, response_sum,
        response_min, response_max, dns_sum, connect_sum, tls_sum, first_byte_sum, histogram, errors, early_up,
        early_down, early_unknown)
    SELECT website_id, hour, 360, 360 - down, down, 0, 36, 0.02, 0.2, 0.4, 7, 11, 33,
        '"56":20,"60":60,"63":90,"66":80,"69":60,"72":40,"76":10',
        CASE WHEN down > 0 THEN '"timeout":' || down ELSE '' END, 180, 0, 0
    FROM (SELECT website_id, hour, CASE WHEN (website_id + extract(epoch FROM hour)::bigint / 3600) %% 97 = 0
              THEN 6 ELSE 0 END AS down
          FROM websites_website, generate_series(%(since)s, %(until)s, interval '1 hour') AS hour) AS seen
    ORDER BY hour, website_id
"""
DAYS = """
    INSERT INTO monitoring_dailyrollup (website_id, started_at, expected, up, down, unknown, response_sum, response_min,
        response_max, dns_sum, connect_sum, tls_sum, first_byte_sum, histogram, errors)
    SELECT website_id, day, 8640, 8634, 6, 0, 864, 0.02, 0.2, 9.6, 168, 264, 792,
        '"56":480,"60":1440,"63":2160,"66":1920,"69":1440,"72":960,"76":240', '"timeout":6'
    FROM websites_website, generate_series(%(since)s, %(until)s, interval '1 day') AS day
    ORDER BY day, website_id
"""


def add_rollups(days: int, hourly_days: int) -> None:
    """So many days of both, up to the hour before this one."""
    from django.db import connection

    from monitoring.models import RollupProgress, WatchPeriod
    from monitoring.rollup_tables import DAY, HOUR
    from monitoring.rollups import floor

    now = datetime.now(UTC)
    hour, today = floor(now, HOUR), floor(now, DAY)
    WatchPeriod.objects.update(since=today - days * DAY)
    RollupProgress.objects.update_or_create(
        pk=1,
        defaults={
            "checks_since": today - lists.DAYS * DAY,
            "days_until": today,
            "hours_until": hour - HOUR,
            "recent_until": hour - HOUR,
        },
    )
    with connection.cursor() as cursor:
        cursor.execute(DAYS, {"since": today - days * DAY, "until": today - DAY})
        # A day at a time, so that its progress can be seen.
        for number in range(hourly_days, 0, -1):
            since = today - number * DAY
            cursor.execute(HOURS, {"since": since, "until": since + DAY - HOUR})
            print(f"\rfilling, {number} days to go    ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        if today < hour - HOUR:
            cursor.execute(HOURS, {"since": today, "until": hour - 2 * HOUR})
        cursor.execute("VACUUM ANALYZE")


def open_status_page() -> None:
    """With some websites in two groups."""
    from monitoring.models import ShownWebsite, StatusGroup, StatusPage
    from websites.models import Website

    StatusPage.objects.update_or_create(pk=1, defaults={"is_public": True})
    groups = [StatusGroup.objects.create(name=f"group {number}", position=number) for number in range(2)]
    for number, website in enumerate(Website.objects.order_by("pk")[:SHOWN]):
        ShownWebsite.objects.create(
            group=groups[number % 2], website=website, name=f"website {number}", position=number
        )


def pages(first: int) -> list[tuple[Page, bool]]:
    """Each page, and whether it is looked at signed in."""
    known = [
        (Page("overview", "/", OVERVIEW), True),
        (Page("overview, last page", "/?page=200", OVERVIEW), True),
        (Page("overview, search", "/?search=page/99", OVERVIEW), True),
        (Page("overview, down", "/?state=down", OVERVIEW), True),
        *((Page(f"website, {name}", f"/sites/{first + 7}?range={name}", WEBSITE), True) for name in RANGES),
        (Page("website in the admin", f"/admin/websites/website/{first + 7}/change/", WEBSITE), True),
        (Page("status page", "/status", STATUS), False),
        (Page("status feed", "/status/feed", STATUS), False),
        (Page("stats, a day", f"/websites/{first + 7}/stats", STATS), True),
    ]
    for days in (7, 30, 365):
        since = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        known.append((Page(f"stats, {days} days", f"/websites/{first + 7}/stats?since={since}", STATS), True))
        known.append((Page(f"series, {days} days", f"/websites/{first + 7}/series?since={since}", STATS), True))
    return known


RANGES = ("1h", "24h", "7d", "30d", "1y")


def _first_id() -> int:
    from websites.models import Website

    return int(Website.objects.order_by("pk").values_list("pk", flat=True)[0])


def measure(asked: Sequence[tuple[Page, requests.Session]], base: str, repeat: int) -> None:
    """Ask for all pages in turns, so that each meets the same; the first round warms up."""
    taken: dict[str, list[float]] = {page.name: [] for page, _ in asked}
    for round_ in range(repeat + 1):
        for page, session in asked:
            begun = time.perf_counter()
            answer = session.get(base + page.path, timeout=lists.REQUEST_TIMEOUT, allow_redirects=False)
            spent = 1000 * (time.perf_counter() - begun)
            page.status = answer.status_code if round_ == 0 or answer.status_code != 200 else page.status
            if round_:
                taken[page.name].append(spent)
            time.sleep(PAUSE)
    for page, _ in asked:
        found = percentiles(taken[page.name])
        page.p50, page.p95, page.max = (round(found[name], 1) for name in ("p50", "p95", "max"))


def run(options: argparse.Namespace) -> tuple[list[Page], Report]:
    """Raises `UnavailableError` where there is no PostgreSQL."""
    scenario = Scenario("", options.websites, INTERVAL)
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with processes.environment(folder, embedded=False), processes.target(scenario, folder):
            import django
            from django.core.management import call_command
            from django.db import connections

            django.setup()
            call_command("prepare", "--static-only", verbosity=0)
            call_command("migrate", interactive=False, verbosity=0)
            lists.prepare(scenario, options.rows)
            add_rollups(options.days, options.hourly_days)
            open_status_page()
            connections.close_all()
            with processes.product(scenario, folder), lists.web(folder) as base:
                time.sleep(SETTLE)
                signed_in, anybody = lists.signed_in(base), requests.Session()
                asked = [(page, signed_in if own else anybody) for page, own in pages(_first_id())]
                begun = time.time()
                measure(asked, base, options.repeat)
                ended = time.time()
                time.sleep(INTERVAL)
            report = Report()
            rows.count(report, scenario, begun, ended)
            connections.close_all()
    return [page for page, _ in asked], report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--websites", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=365, help="of daily rollups")
    parser.add_argument("--hourly-days", type=int, default=365, help="of hourly rollups; a year takes 25 GB of disk")
    parser.add_argument("--repeat", type=int, default=50, help="how often each page is asked for")
    options = parser.parse_args()
    try:
        found, report = run(options)
    except (UnavailableError, processes.UnableError) as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    what = f"{options.websites} websites, {options.rows} checks of {lists.DAYS} days"
    lists.show(found, f"{what}, {options.hourly_days} days by hours, {options.days} by days")
    lateness = ", ".join(f"{name} {seconds}" for name, seconds in report.lateness.items())
    print(f"meanwhile: {report.stored} of {report.expected} checks, {report.missed} missed, lateness {lateness} s")
    # One may be at the edge of the window.
    return 1 if any(page.is_broken for page in found) or report.missed > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
