"""`manage.py report`: what it is asked, and what it writes."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.models import DailyRollup, EndReason, HourlyRollup, MonitoringData, RollupProgress
from monitoring.reports.csv_report import COLUMNS
from monitoring.rollups import roll_up
from monitoring.tests.outages import HOSTILE, ended_incident, incident
from monitoring.tests.slots import checked, watched
from websites.models import Website
from websites.tests.people import person
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

# The incidents of `outages` are of that day.
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 2, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Report = Callable[..., str]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Runs the command ten days into February, or when it is said; returns what it wrote."""

    def run(*arguments: str, now: datetime = NEXT_MONTH) -> str:
        with time_machine.travel(now, tick=False):
            call_command("report", *arguments)
        return capsys.readouterr().out

    return run


@pytest.fixture
def website() -> Website:
    """Watched for an hour and a half from noon on: up, then down for ten minutes, then up, with some checks missing."""
    with time_machine.travel(NOON, tick=False):
        website = add(tags=",prod,shop,")
    watched(website, NOON, NOON + 1.5 * HOUR)
    checked(website, NOON, "u" * 50 + "tttttddddd" + "u" * 20 + "." * 10)
    ended_incident(
        website, 3000, 600, acknowledged_at=NOON + HOUR, acknowledged_by=person("editor", "eve"), note="On it."
    )
    return website


@pytest.fixture
def other(website: Website) -> Website:
    """Is up, and answers slowly. Its URL comes first."""
    with time_machine.travel(NOON, tick=False):
        other = add("http://another.example", tags=",prod,")
    watched(other, NOON, NOON + HOUR, interval=300)
    checked(other, NOON, "u" * 12, every=300, response_time=0.8)
    return other


def document(text: str) -> dict[str, Any]:
    assert text.isascii()
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class Page(HTMLParser):
    """The tags of a page, what its attributes lead to, and the texts of its cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.table: list[list[str]] = []
        self.words = ""
        self._is_in_cell = False
        self.feed(text)
        self.table = [[cell.strip() for cell in row] for row in self.table]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.table.append([])
        elif tag in ("td", "th"):
            self.table[-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_in_cell = False

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._is_in_cell:
            self.table[-1][-1] += data

    def row(self, begins: str) -> list[str]:
        (found,) = (row for row in self.table if row and row[0].startswith(begins))
        return found


def test_json_is_one_object_with_all_of_it(report: Report, website: Website, other: Website) -> None:
    found = document(report("--format", "json"))
    assert (found["month"], found["time_zone"], found["is_over"]) == ("2026-01", "UTC", True)
    assert (found["since"], found["until"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert found["covered"] == {"since": found["since"], "until": found["until"]}
    assert found["made_at"] == "2026-02-10T00:00:00Z"
    first, second = found["websites"]
    assert (first["website_url"], first["incidents"], first["uptime"]) == ("http://another.example/", [], 1.0)
    assert first["response_time"]["p95"] == pytest.approx(0.8, rel=0.05)
    assert (second["website_id"], second["tags"]) == (website.pk, ["prod", "shop"])
    assert [second[name] for name in ("expected", "observed", "up", "down", "unknown")] == [90, 80, 70, 10, 0]
    assert (second["uptime"], second["coverage"]) == (70 / 80, 80 / 90)
    assert second["outages"] == {"count": 1, "at_least": 539.0, "at_most": 661.0}
    assert second["errors"] == {"timeout": 5, "rejected": 5}
    (only,) = second["incidents"]
    assert only == {
        "id": only["id"],
        "kind": "down",
        "started_at": "2026-01-31T12:50:00Z",
        "started_between": ["2026-01-31T12:49:00Z", "2026-01-31T12:50:01Z"],
        "ended_at": "2026-01-31T13:00:00Z",
        "ended_between": ["2026-01-31T12:59:00Z", "2026-01-31T13:00:01Z"],
        "end_reason": "recovered",
        "cause": "timeout",
        "http_status": 0,
        "error": "timeout",
        "error_detail": "No answer in 10 s.",
        "acknowledged_at": "2026-01-31T13:00:00Z",
        "acknowledged_by": "eve",
        "note": "On it.",
    }
    total = found["total"]
    assert (total["websites"], total["up"], total["down"], total["expected"]) == (2, 82, 10, 102)
    assert (total["uptime"], total["mean_uptime"]) == (82 / 92, (1 + 70 / 80) / 2)
    assert total["outages"] == second["outages"]
    assert total["response_time"]["max"] == 0.8
    assert total["response_time"]["p50"] == pytest.approx(0.1, rel=0.05)


def test_csv_has_each_website_with_its_incidents_below_it_and_the_total_at_its_end(
    report: Report, website: Website, other: Website
) -> None:
    text = report("--format", "csv", "--time-zone", "Europe/Berlin")
    assert tuple(text.splitlines()[0].split(",")) == COLUMNS
    found = rows(text)
    assert [row["row"] for row in found] == ["website", "website", "incident", "total"]
    second, only, total = found[1:]
    assert (second["website_url"], second["tags"], second["uptime"]) == (website.website_url, "prod, shop", "0.875")
    assert (second["outages"], second["outage_at_least"], second["outage_at_most"]) == ("1", "539.0", "661.0")
    assert (second["since"], second["until"]) == ("2026-01-01T00:00:00+01:00", "2026-02-01T00:00:00+01:00")
    assert (only["website_id"], only["kind"], only["cause"]) == (str(website.pk), "down", "timeout")
    assert (only["started_at"], only["ended_before"]) == ("2026-01-31T13:50:00+01:00", "2026-01-31T14:00:01+01:00")
    assert (only["acknowledged_by"], only["note"], only["uptime"]) == ("eve", "On it.", "")
    assert (total["up"], total["mean_uptime"], total["website_url"]) == ("82", "0.9375", "")


def test_html_is_one_page_for_people(report: Report, website: Website, other: Website) -> None:
    text = report()
    page = Page(text)
    assert "Uptime report, January 2026" in page.words
    assert "so far" not in page.words
    assert "2026-01-01 00:00:00+00:00 to 2026-02-01 00:00:00+00:00 (UTC)" in page.words
    assert page.row("http://another")[1:6] == ["100 %", "100 %", "12", "0", "0 s"]
    second = page.row(f"{website.website_url}prod, shop")
    assert second[1:6] == ["87.50 %", "88.88 %", "80", "1", "8 min 59 s to 11 min"]
    assert page.row("Total")[1:6] == ["89.13 %", "90.19 %", "92", "1", "8 min 59 s to 11 min"]
    (only,) = (row for row in page.table if "down: timeout" in row[1])
    assert only[1] == "down: timeoutacknowledged 2026-01-31 13:00:00+00:00 by eve: On it."
    assert only[2] == "2026-01-31 12:50:00+00:0012:49:00 to 12:50:01"
    assert only[3] == "2026-01-31 13:00:00+00:0012:59:00 to 13:00:01"
    assert only[4] == "10 min"


def test_moments_of_the_hour_that_clocks_show_twice_are_told_apart(report: Report, website: Website) -> None:
    turned = datetime(2026, 10, 25, 1, tzinfo=UTC)
    seconds = (turned - NOON).total_seconds()
    ended_incident(website, seconds - 30, 120)
    arguments = ("--month", "2026-10", "--time-zone", "Europe/Berlin")
    page = Page(report(*arguments, now=turned + 30 * DAY))
    (only,) = (row for row in page.table if "down: timeout" in row[1])
    assert only[2] == "2026-10-25 02:59:30+02:0002:58:30 to 02:59:31"
    assert only[3] == "2026-10-25 02:01:30+01:0002:00:30 to 02:01:31"
    assert only[4] == "2 min"


def test_html_needs_nothing_else(report: Report, website: Website) -> None:
    text = report()
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "svg", "form"}
    assert not page.attributes & {"src", "href", "style", "onclick"}
    assert not [word for word in ("@import", "url(", "<script") if word in text]
    assert {"prefers-color-scheme: dark", "@media print", "@page"} <= {
        word for word in ("prefers-color-scheme: dark", "@media print", "@page") if word in text
    }
    assert text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("output_format", ["html", "csv", "json"])
def test_text_of_strangers_is_no_more_than_text(report: Report, website: Website, output_format: str) -> None:
    for number, hostile in enumerate(
        (HOSTILE, "=1+1", "@cmd", "\t=1", "{{ x }}{% now 'Y' %}", "'=1", "a\r\n=1", 'a; "=1')
    ):
        ended_incident(website, 4000 + 100 * number, 50, error="", error_detail=hostile, note=hostile, http_status=0)
    text = report("--format", output_format)
    assert not {"\x1b", "\u202e", "\t"} & set(text)
    if output_format == "html":
        page = Page(text)
        assert "script" not in page.tags
        assert "<script>alert(1)</script>\\x1b[31m\\u202egnp.exe" in page.words
        assert "{{ x }}{% now 'Y' %}" in page.words
    elif output_format == "csv":
        cells = [row[name] for row in rows(text) for name in ("note", "cause", "error_detail")]
        assert {"'=1+1", "'@cmd", "\\t=1", "''=1", "a\\r\\n=1", "a;' \"=1"} <= set(cells)
        assert not [cell for row in rows(text) for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    else:
        notes = [one["note"] for one in document(text)["websites"][0]["incidents"]]
        assert HOSTILE in notes


@pytest.mark.parametrize("output_format", ["html", "csv", "json"])
def test_a_month_that_is_not_over_is_told_so_far(report: Report, website: Website, output_format: str) -> None:
    incident(website, 5000)
    now = NOON + 2 * HOUR
    text = report("--month", "2026-01", "--format", output_format, now=now)
    if output_format == "html":
        page = Page(text)
        assert "January 2026 so far" in page.words
        assert [row[3:5] for row in page.table if "lasts" in row] == [["lasts", "36 min"]]
    elif output_format == "csv":
        assert rows(text)[-1]["until"] == "2026-01-31T14:00:00+00:00"
    else:
        found = document(text)
        assert (found["is_over"], found["until"]) == (False, "2026-01-31T14:00:00Z")
        # The second outage lasts as long as it was watched: from second 5000 to second 5400.
        outages = found["websites"][0]["outages"]
        assert outages == {"count": 2, "at_least": 539.0 + 399, "at_most": 661.0 + 460}


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [
        ("Europe/Berlin", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("Asia/Kathmandu", "2026-09-30T18:15:00Z", "2026-10-31T18:15:00Z"),
    ],
)
def test_a_month_is_that_of_the_time_zone(report: Report, zone: str, since: str, until: str) -> None:
    """Two checks stand on either side of each of its ends."""
    begin, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
    with time_machine.travel(begin - HOUR, tick=False):
        website = add()
        checked(website, begin - 2 * HOUR, "u")
    for moment in (begin, end):
        checked(website, moment - timedelta(seconds=60), "du" if moment == begin else "ud")
    arguments = ("--month", "2026-10", "--time-zone", zone, "--format", "json")
    found = document(report(*arguments, now=end + DAY))
    assert (found["since"], found["until"]) == (since, until)
    (only,) = found["websites"]
    assert (only["up"], only["down"]) == (2, 0)
    assert only["expected"] == pytest.approx((end - begin).total_seconds() / 60)


def test_a_month_whose_checks_are_gone_is_told_by_whole_hours_and_says_so(report: Report, website: Website) -> None:
    begin = NOON - 40 * DAY
    RollupProgress.objects.create(
        pk=1, checks_since=begin, hours_until=begin, recent_until=begin, days_until=begin.replace(hour=0)
    )
    exact = document(report("--format", "json", "--time-zone", "Asia/Kathmandu"))
    assert exact["covered"] == {"since": exact["since"], "until": exact["until"]}
    with time_machine.travel(NEXT_MONTH, tick=False):
        while roll_up():
            pass
    MonitoringData.objects.all().delete()
    RollupProgress.objects.update(checks_since=NEXT_MONTH)
    for arguments in ((), ("--time-zone", "Asia/Kathmandu")):
        found = document(report("--format", "json", *arguments))
        assert [found["websites"][0][name] for name in ("up", "down", "coverage")] == [70, 10, 80 / 90]
    assert (found["since"], found["until"]) == ("2025-12-31T18:15:00Z", "2026-01-31T18:15:00Z")
    assert found["covered"] == {"since": "2025-12-31T18:00:00Z", "until": "2026-01-31T19:00:00Z"}
    words = Page(report("--time-zone", "Asia/Kathmandu")).words
    assert "The figures are of 2025-12-31 23:45:00+05:45 to 2026-02-01 00:45:00+05:45" in words
    assert "The figures are of" not in Page(report()).words
    assert HourlyRollup.objects.exists()
    assert DailyRollup.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "urls"),
    [
        ((), ["http://another.example/", "https://example.org/health"]),
        (("--tag", "Shop"), ["https://example.org/health"]),
        (("--tag", "prod"), ["http://another.example/", "https://example.org/health"]),
        (("--tag", "shop", "prod"), ["http://another.example/", "https://example.org/health"]),
        (("--tag", "shop", "--tag", "prod"), ["http://another.example/", "https://example.org/health"]),
        (("--website", "HTTP://another.example:80"), ["http://another.example/"]),
        (("--website", "https://example.org/health", "--tag", "prod"), ["https://example.org/health"]),
    ],
)
def test_a_report_is_of_the_websites_asked_for(
    report: Report, website: Website, other: Website, arguments: tuple[str, ...], urls: list[str]
) -> None:
    found = document(report("--format", "json", *arguments))
    assert [one["website_url"] for one in found["websites"]] == urls
    assert found["total"]["websites"] == len(urls)


def test_what_came_later_is_in_no_report(report: Report, website: Website) -> None:
    with time_machine.travel(NEXT_MONTH, tick=False):
        add("http://later.example")
    with time_machine.travel(NOON - DAY, tick=False):
        add("http://unwatched.example", is_active=False)
    found = document(report("--format", "json"))["websites"]
    assert [one["website_url"] for one in found] == ["http://unwatched.example/", website.website_url]
    assert (found[0]["uptime"], found[0]["coverage"], found[0]["outages"]["count"]) == (None, None, 0)
    assert "-" in Page(report()).row("http://unwatched.example/")


@pytest.mark.parametrize("output_format", ["html", "csv", "json"])
def test_a_monitor_without_websites_has_a_report_too(report: Report, output_format: str) -> None:
    text = report("--format", output_format)
    if output_format == "html":
        assert "No website was watched." in Page(text).words
    elif output_format == "csv":
        assert [row["row"] for row in rows(text)] == ["total"]
    else:
        assert document(text)["total"]["mean_uptime"] is None


def test_a_pause_ends_an_outage_in_the_report(report: Report, website: Website) -> None:
    paused = NOON + timedelta(minutes=85)
    incident(website, 4800, ended_at=paused, closed_at=paused, end_reason=EndReason.PAUSED)
    (only,) = document(report("--format", "json"))["websites"]
    assert only["incidents"][1]["end_reason"] == "paused"
    assert only["outages"] == {"count": 2, "at_least": 539.0 + 299, "at_most": 661.0 + 360}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--month", "2026-13"], "A month is written as 2026-10, from 1970 on."),
        (["--month", "yesterday"], "A month is written as 2026-10, from 1970 on."),
        (["--month", "2026-03"], "March 2026 has not begun yet."),
        (["--month", "9998-12"], "December 9998 has not begun yet."),
        (["--time-zone", "Berlin"], "There is no such time zone: give a name such as Europe/Berlin or UTC."),
        (["--time-zone", "../../etc/passwd"], "There is no such time zone: give a name such as"),
        (["--time-zone", ""], "There is no such time zone: give a name such as"),
        (["--tag", "nosuch"], "No website has the tag nosuch."),
        (["--tag", "prod", "x\x1b[31m"], "A tag has no characters that do not print."),
        (["--tag", ""], "A tag may not be blank."),
        (["--website", "77"], "There is no website with the ID 77."),
        (["--website", "9" * 5000], "There is no website with the ID 9999999999999999999."),
        (["--website", "http://nowhere.example"], "There is no website with the URL http://nowhere.example/."),
        (["--website", "nonsense\x1b"], "A URL has no spaces, control characters"),
        (["--website", "https://example.org/health", "--tag", "none"], "None of these websites has the tag none."),
        (["--format", "pdf"], "invalid choice: 'pdf'"),
        (["--mont", "2026-01", "--nosuch"], "unrecognized arguments: --nosuch"),
        (["--output", "/nosuch/folder/report.html"], "/nosuch/folder/report.html cannot be written: No such file"),
        (["--output", "/"], "/ cannot be written: Is a directory."),
        (["--output", "a\0b"], "a\\x00b is no name of a file."),
        (["--output", ""], "cannot be written"),
    ],
)
def test_what_people_get_wrong_is_a_sentence(
    report: Report, website: Website, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError) as refused:
        report(*arguments)
    assert sentence in str(refused.value)
    assert str(refused.value).replace("\n", "").isprintable()


def test_a_file_is_written_and_replaced(
    report: Report, website: Website, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    for _ in range(2):
        with time_machine.travel(NEXT_MONTH, tick=False):
            call_command("report", "--format", "json", "--output", str(file))
        written = capsys.readouterr()
        assert (written.out, written.err) == ("", f"The report is in {file}.\n")
        assert document(file.read_text("utf-8"))["total"]["websites"] == 1


def test_more_websites_take_no_more_queries(report: Report, website: Website) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            report("--format", "json")
        return len(captured)

    queries()
    few = queries()
    for number in range(20):
        with time_machine.travel(NOON, tick=False):
            one = add(f"http://www{number}.example")
        checked(one, NOON, "ud")
        ended_incident(one)
    assert queries() == few


def test_websites_are_read_some_at_a_time(
    report: Report, website: Website, other: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = report("--format", "json")
    monkeypatch.setattr("monitoring.reports.collect.chunks", lambda ids: ([pk] for pk in ids))
    assert report("--format", "json") == whole
