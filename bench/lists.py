"""How long the lists of the API and the admin take, over many websites and a great many checks.

`python -m bench.lists --websites 10000 --rows 10000000` fills a private PostgreSQL, starts the web server as users run
it, and asks for every list: first and deep pages, each filter and order that the pages themselves offer. It prints one
table (`--json`: for programs) and exits with 1 where the p95 of a page is above its bound.
"""

import argparse
import contextlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import requests

from bench.binaries import UnavailableError
from bench.processes import environment, running
from bench.report import percentiles
from bench.scenarios import Scenario, fill
from bench.servers import EXIT_SKIP, free_port

# Milliseconds, of the 95th percentile.
BOUND = 100.0
BOUND_MONITORING = 50.0
DAYS = 30
START_TIMEOUT = 30.0
REQUEST_TIMEOUT = 60.0
NAME_WIDTH = 80
USER, PASSWORD = "bench", "a-password-for-the-benchmark-alone"
LINK = re.compile(r'href="(\?[^"]*)"')
LIST = re.compile(r'href="(/admin/\w+/\w+/)"')
# Once a second somewhere: website n is checked at n seconds of each round, the oldest round first, as in life.
FILL = """
    INSERT INTO monitoring_monitoringdata (website_id, http_status, entry_timestamp, response_time, regex_response,
        scheduled_at, outcome, error, error_detail, dns_time, connect_time, tls_time, first_byte_time, remote_ip)
    SELECT %(first)s + n %% %(websites)s, CASE WHEN n %% 101 = 0 THEN 0 WHEN n %% 97 = 0 THEN 500 ELSE 200 END,
        at + interval '37 milliseconds', CASE WHEN n %% 101 = 0 THEN NULL ELSE 0.05 + n %% 89 / 1000.0 END,
        CASE WHEN n %% 101 = 0 THEN NULL ELSE '["' || n %% 31 || '.5"]' END, at,
        CASE WHEN n %% 101 = 0 OR n %% 97 = 0 THEN 'down' ELSE 'up' END,
        CASE WHEN n %% 101 = 0 THEN 'timeout' ELSE '' END,
        CASE WHEN n %% 101 = 0 THEN 'No complete answer within 10 seconds, not even its headers.' ELSE '' END,
        0.001, 0.02, 0.03, 0.04, '192.0.2.1'
    FROM (SELECT n, to_timestamp(%(ended)s - (%(rows)s - n)::float / %(rows)s * %(seconds)s) AS at
          FROM generate_series(0::bigint, %(rows)s - 1) AS n) AS checks
"""


@dataclass
class Page:
    """One list and how long it took, in milliseconds."""

    name: str
    path: str
    bound: float
    p50: float = 0.0
    p95: float = 0.0
    max: float = 0.0
    status: int = 0

    @property
    def is_broken(self) -> bool:
        return self.p95 > self.bound or self.status != 200


def add_checks(first: int, websites: int, rows: int, ended: float, days: int = DAYS) -> None:
    """Add checks of so many websites, from the first id on, over the days before a moment (Unix time)."""
    from django.db import connection

    from monitoring import partitions
    from monitoring.rollup_tables import DAY
    from monitoring.rollups import floor

    last = floor(datetime.fromtimestamp(ended, UTC), DAY)
    partitions.make(last - number * DAY for number in range(days + 1))
    with connection.cursor() as cursor:
        span = {"rows": rows, "ended": ended, "seconds": days * 86_400}
        cursor.execute(FILL, {"first": first, "websites": websites, **span})
        cursor.execute("VACUUM ANALYZE")


def prepare(scenario: Scenario, rows: int) -> str:
    """Fill the database; returns an API token of the user that signs in."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone
    from knox.models import AuthToken

    from monitoring.models import State, WebsiteState
    from websites.models import Website

    fill(scenario)
    ids = list(Website.objects.order_by("pk").values_list("pk", flat=True))
    since = timezone.now()
    states = (State.UP, State.UP, State.UP, State.DOWN)
    WebsiteState.objects.bulk_create(
        [WebsiteState(website_id=pk, state=states[pk % len(states)], since=since) for pk in ids], batch_size=5_000
    )
    Website.objects.update(created_at=since - timedelta(days=DAYS))
    add_checks(ids[0], scenario.websites, rows, since.timestamp())
    user = get_user_model().objects.create_superuser(USER, f"{USER}@example.com", PASSWORD)
    return str(AuthToken.objects.create(user)[1])


def signed_in(base: str) -> requests.Session:
    """A browser's session in the admin."""
    session = requests.Session()
    login = f"{base}/admin/login/"
    session.get(login, timeout=REQUEST_TIMEOUT)
    form = {"username": USER, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(login, form, headers={"Referer": login}, timeout=REQUEST_TIMEOUT, allow_redirects=False)
    if answer.status_code != 302:
        raise RuntimeError(f"the admin lets nobody in: {answer.status_code}")
    return session


def admin_pages(session: requests.Session, base: str) -> list[Page]:
    """Every list of the admin with every filter, order and page that it offers a link to."""
    pages = []
    for path in dict.fromkeys(LIST.findall(session.get(f"{base}/admin/", timeout=REQUEST_TIMEOUT).text)):
        first = session.get(base + path, timeout=REQUEST_TIMEOUT).text
        links = ["", *dict.fromkeys(map(unescape, LINK.findall(first)))]
        pages += [Page(path + link, urljoin(path, link), BOUND) for link in links]
    search = "/admin/websites/website/?q=page/99"
    return [*pages, Page(search, search, BOUND)]


def api_pages(session: requests.Session, base: str, websites: int) -> list[Page]:
    """The lists of the API: first, deep, searched, filtered and ordered."""
    ask = f"{base}/websites?page_size=1&search=page/{websites // 2}"
    website = session.get(ask, timeout=REQUEST_TIMEOUT).json()["results"][0]
    pk, url = website["website_id"], website["website_url"]
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - DAYS * 43_200))
    lists = ["/websites", f"/websites?page={websites // 50}", "/websites?search=page/99", "/websites?search=absent"]
    lists += [f"/websites?ordering={order}" for order in ("website_url", "-website_url", "monitoring_interval")]
    lists += [f"/websites?state={state}" for state in ("up", "down", "unknown", "paused")]
    lists += ["/website?keyword=page", "/website?keyword=absent", "/tokens"]
    own = f"/monitoring?website_id={pk}"
    checks = [f"/monitoring?website_url={url}", own, f"{own}&until={middle}", f"{own}&since={middle}"]
    checks += [f"{own}&error={error}" for error in ("timeout", "dns")]
    checks += [f"{own}&http_status={status}" for status in (200, 500, 418)]
    deep = base + own
    for _ in range(10):
        deep = session.get(deep, timeout=REQUEST_TIMEOUT).json()["next"] or deep
    checks.append(deep.removeprefix(base))
    return [
        *(Page(path, path, BOUND) for path in lists),
        *(Page(path, path, BOUND_MONITORING) for path in checks),
        Page(f"{own}&page_size=1000", f"{own}&page_size=1000", BOUND),
    ]


def measure(page: Page, session: requests.Session, base: str, repeat: int) -> None:
    """Ask for a page once to warm up, then so many times, on one connection."""
    page.status = session.get(base + page.path, timeout=REQUEST_TIMEOUT).status_code
    taken = []
    for _ in range(repeat):
        begun = time.perf_counter()
        session.get(base + page.path, timeout=REQUEST_TIMEOUT)
        taken.append(1000 * (time.perf_counter() - begun))
    found = percentiles(taken)
    page.p50, page.p95, page.max = (round(found[name], 1) for name in ("p50", "p95", "max"))


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    """The web server as users run it; yields where it is."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with running("-m", "webmonitor.web_server", log=folder / "web.log", extra={"PORT": str(port)}):
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{base}/healthz", timeout=REQUEST_TIMEOUT)
                break
            if time.monotonic() > deadline:
                raise RuntimeError((folder / "web.log").read_text())
            time.sleep(0.1)
        yield base


def run(websites: int, rows: int, repeat: int) -> list[Page]:
    """Raises `UnavailableError` where there is no PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name, environment(Path(name), embedded=False):
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("prepare", "--static-only", verbosity=0)
        call_command("migrate", interactive=False, verbosity=0)
        token = prepare(Scenario("", websites, 60), rows)
        connections.close_all()
        with web(Path(name)) as base:
            admin, api = signed_in(base), requests.Session()
            api.headers["Authorization"] = f"Token {token}"
            asked = [(page, api) for page in api_pages(api, base, websites)]
            asked += [(page, admin) for page in admin_pages(admin, base)]
            for page, session in asked:
                measure(page, session, base, repeat)
    return [page for page, _ in asked]


def show(pages: list[Page], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("page", "p50 ms", "p95 ms", "max ms", "bound", ""):
        table.add_column(column, justify="left" if column in ("page", "") else "right", no_wrap=True)
    for page in pages:
        figures = [f"{value:.1f}" for value in (page.p50, page.p95, page.max)]
        verdict = "ok" if not page.is_broken else f"BROKEN ({page.status})"
        name = page.name if len(page.name) <= NAME_WIDTH else f"{page.name[: NAME_WIDTH - 1]}…"
        table.add_row(name, *figures, f"{page.bound:.0f}", verdict)
    console = Console(width=NAME_WIDTH + 60)
    console.print(title, highlight=False)
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--websites", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=30, help="how often each page is asked for")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        pages = run(options.websites, options.rows, options.repeat)
    except UnavailableError as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    if options.json:
        print(json.dumps([asdict(page) for page in pages]))
    else:
        show(pages, f"{options.websites} websites, {options.rows} checks of {DAYS} days")
    return 1 if any(page.is_broken for page in pages) else 0


if __name__ == "__main__":
    sys.exit(main())
