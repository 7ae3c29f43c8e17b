"""`manage.py replay_alerts`: what it is asked, and what it prints."""

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.models import Alert, Incident, MonitoringData, StateChange
from monitoring.tests.channels import add_channel
from monitoring.tests.scripted_checks import Desk, at, series
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db(transaction=True)

Replay = Callable[..., str]
NOW = at(1_000)
HOSTILE = "[red]x[/red] \x1b[31m\u202egnp.exe :smile:"
INERT = "[red]x[/red] \\x1b[31m\\u202egnp.exe :smile:"


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Replay:
    """Runs the command at second 1000, for all the time before; returns what it printed."""

    def run(*arguments: str) -> str:
        with time_machine.travel(NOW, tick=False):
            call_command("replay_alerts", "--since", "1d", *arguments)
        return capsys.readouterr().out

    return run


def live_through(website: Website, letters: str) -> None:
    desk = Desk()
    for number, check in enumerate(series(website, letters)):
        with time_machine.travel(at(10 * number + 0.125), tick=False):
            desk.write([check])


@pytest.fixture
def website() -> Website:
    """Was down from second 10 to 30 and from 60 to 90."""
    add_channel()
    website = add(tags="shop")
    live_through(website, "udduuudddu")
    return website


def document(text: str) -> dict[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def row(shown: str, name: str) -> list[str]:
    (line,) = (line for line in shown.splitlines() if line.startswith(name))
    return line.removeprefix(name).split()


def test_both_sides_stand_side_by_side(replay: Replay, website: Website) -> None:
    shown = replay("--failures", "3")
    assert row(shown, "incidents: down") == ["2", "1"]
    assert row(shown, "time down") == ["50", "s", "30", "s"]
    assert row(shown, "incidents: slow") == ["0", "0"]
    assert row(shown, "alerts: began") == ["2", "1"]
    assert row(shown, "alerts: ended") == ["2", "1"]
    assert row(shown, "alerts: flapping") == ["0", "0"]
    assert row(shown, "alerts together") == ["4", "2"]
    assert row(shown, "incidents only here") == ["1", "0"]
    assert row(shown, "checks") == ["10"]
    assert row(shown, "oldest check") == ["2025-01-15", "08:00:00", "UTC"]
    assert row(shown, "failures before down") == ["3"]
    assert "successes before up   each website's own" in shown


def test_incidents_of_one_side_are_listed_by_website(replay: Replay, website: Website) -> None:
    shown = replay("--failures", "3")
    assert f"https://example.org/health (website {website.pk})" in shown
    began, ended, lasted = ["2025-01-15", "08:00:10"], ["2025-01-15", "08:00:30"], ["20", "s"]
    cells = row(shown, "happened  down")
    assert cells[:6] == [*began, *ended, *lasted]
    assert "503" in cells[6:]
    assert f"(website {website.pk})" not in replay()


def test_it_says_what_it_cannot_know(replay: Replay, website: Website) -> None:
    for shown in (replay(), " ".join(document(replay("--json"))["limits"])):
        assert "the policy of then" in shown
        assert "RETENTION_DAYS (30) are gone" in shown


def test_json_is_one_object_with_all_of_it(replay: Replay, website: Website) -> None:
    shown = replay("--failures", "3", "--delay", "5", "--limit", "0", "--json")
    assert shown.isascii()
    found = document(shown)
    assert (found["since"], found["until"]) == ("2025-01-14T08:16:40Z", "2025-01-15T08:16:40Z")
    own = dict.fromkeys(("successes_before_up", "slow_threshold", "slow_checks"))
    telling = {"delay": 5, "flapping_outages": 5, "flapping_window": 1800}
    assert found["policy"] == {"failures_before_down": 3, **own, **telling}
    assert (found["websites"], found["checks"], found["oldest_check"]) == (1, 10, "2025-01-15T08:00:00Z")
    assert found["happened"] == {
        "incidents": {"down": 2, "slow": 0},
        "seconds": {"down": 50.0, "slow": 0.0},
        "alerts": {"began": 2, "ended": 2, "flapping": 0},
        "only_here": 1,
    }
    assert found["replayed"]["alerts"] == {"began": 1, "ended": 1, "flapping": 0}
    (difference,) = found["differences"]
    assert (difference["website_id"], difference["website_url"]) == (website.pk, "https://example.org/health")
    assert difference["only_replayed"] == []
    (incident,) = difference["only_happened"]
    assert incident["kind"] == "down"
    assert (incident["started_at"], incident["ended_at"]) == ("2025-01-15T08:00:10Z", "2025-01-15T08:00:30Z")
    assert (incident["started_after"], incident["opened_at"]) == ("2025-01-15T08:00:00Z", "2025-01-15T08:00:20.125000Z")
    assert (incident["http_status"], incident["end_reason"]) == (503, "recovered")


@pytest.mark.parametrize(
    ("arguments", "alerts"),
    [
        ([], {"began": 2, "ended": 2, "flapping": 0}),
        (["--delay", "15"], {"began": 1, "ended": 1, "flapping": 0}),
        (["--delay", "300"], {"began": 0, "ended": 0, "flapping": 0}),
        (["--flapping", "2"], {"began": 1, "ended": 1, "flapping": 1}),
        (["--flapping", "1"], {"began": 0, "ended": 0, "flapping": 1}),
        (["--flapping", "0"], {"began": 2, "ended": 2, "flapping": 0}),
        (["--flapping", "2", "--flapping-window", "60"], {"began": 1, "ended": 1, "flapping": 1}),
        (["--successes", "4"], {"began": 1, "ended": 0, "flapping": 0}),
        (["--slow-threshold", "0.1"], {"began": 3, "ended": 2, "flapping": 0}),
        (["--slow-threshold", "0.1", "--slow-checks", "10"], {"began": 3, "ended": 2, "flapping": 0}),
        (["--slow-threshold", "0.125"], {"began": 2, "ended": 2, "flapping": 0}),
    ],
)
def test_the_other_policy_is_the_one_asked_for(
    replay: Replay, website: Website, arguments: list[str], alerts: dict[str, int]
) -> None:
    assert document(replay("--json", *arguments))["replayed"]["alerts"] == alerts


def test_flapping_is_as_the_settings_have_it_where_nothing_else_is_asked(
    replay: Replay, website: Website, settings: Any
) -> None:
    settings.FLAPPING_OUTAGES, settings.FLAPPING_WINDOW = 2, 600
    found = document(replay("--json"))
    assert found["replayed"]["alerts"] == {"began": 1, "ended": 1, "flapping": 1}
    assert found["policy"]["flapping_window"] == 600


def test_websites_are_chosen_by_id_url_and_tag(replay: Replay, website: Website) -> None:
    other = add("https://other.example/", tags="shop, prod")
    third = add("https://third.example/")
    for arguments, count in (
        ([], 3),
        (["--website", str(website.pk)], 1),
        (["--website", "HTTPS://other.example"], 1),
        (["--website", str(website.pk), "--website", third.website_url], 2),
        (["--website", str(other.pk), "--website", str(other.pk)], 1),
        (["--tag", "Shop"], 2),
        (["--tag", "prod"], 1),
        (["--tag", "shop", "--website", str(other.pk), "--website", str(third.pk)], 1),
    ):
        assert document(replay("--json", *arguments))["websites"] == count


def test_times_are_spans_or_moments(website: Website, capsys: pytest.CaptureFixture[str]) -> None:
    for since, until, checks in (
        ("2025-01-15T08:00:00Z", "2025-01-15T08:00:50Z", 5),
        ("2025-01-15T09:00:00+01:00", "2025-01-15T08:00:50", 5),
        ("2025-01-15", "15m", 10),
        ("17m", "16m", 4),
        ("16m", "0m", 6),
        ("1h", "2025-01-15T07:30:00Z", 0),
        ("100d", "99d", 0),
        ("36500d", "0h", 10),
    ):
        with time_machine.travel(NOW, tick=False):
            call_command("replay_alerts", "--since", since, "--until", until, "--json")
        assert document(capsys.readouterr().out)["checks"] == checks


def test_the_list_is_bounded(replay: Replay, website: Website) -> None:
    live_through(add("https://other.example/"), "udduddu")
    shown = replay("--failures", "10", "--limit", "3")
    assert sum(line.startswith("happened  down") for line in shown.splitlines()) == 3
    assert "... and 1 more: --limit and --json show them." in shown
    assert "more:" not in replay("--failures", "10", "--limit", "4")
    assert "... and 4 more:" in replay("--failures", "10", "--limit", "0")


def test_what_a_stranger_sent_neither_drives_the_terminal_nor_is_markup(replay: Replay, website: Website) -> None:
    MonitoringData.objects.filter(outcome="down").update(error_detail=HOSTILE, http_status=0)
    Incident.objects.update(error_detail=HOSTILE, http_status=0)
    Website.objects.update(website_url=f"https://example.org/{HOSTILE}")
    shown = replay("--failures", "10")
    assert shown.count(INERT) == 3
    as_json = replay("--failures", "10", "--json")
    assert document(as_json)["differences"][0]["only_happened"][0]["error_detail"] == HOSTILE
    for text in (shown, as_json):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_nothing_at_all_is_an_answer_as_well(replay: Replay) -> None:
    shown = replay()
    assert row(shown, "oldest check") == ["none"]
    assert row(shown, "incidents: down") == ["0", "0"]
    assert document(replay("--json"))["oldest_check"] is None


def test_it_writes_nothing(replay: Replay, website: Website) -> None:
    before = [model.objects.count() for model in (Alert, Incident, MonitoringData, StateChange)]
    with CaptureQueriesContext(connection) as queries:
        replay("--failures", "1", "--slow-threshold", "0.01")
    words = {query["sql"].lstrip("( ").split()[0] for query in queries}
    assert words <= {"SELECT", "DECLARE", "PRAGMA", "FETCH"}
    assert [model.objects.count() for model in (Alert, Incident, MonitoringData, StateChange)] == before


def test_a_day_of_a_website_takes_the_same_few_queries_however_many_checks_it_has(replay: Replay) -> None:
    website = add()

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            replay("--failures", "1")
        return len(queries)

    def add_checks(first: int, last: int) -> None:
        moments = [NOW - timedelta(seconds=number) for number in range(first, last)]
        MonitoringData.objects.bulk_create(
            MonitoringData(
                website=website, http_status=200, entry_timestamp=moment, scheduled_at=moment, outcome=outcome
            )
            for moment, outcome in zip(moments, itertools.cycle(["up", "up", "down"]), strict=False)
        )

    none = count()
    add_checks(1, 4)
    few = count()
    add_checks(4, 5_001)
    assert count() == few == none + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--website", "4711"], "There is no website with the ID 4711."),
        (["--website", "9" * 40], "There is no website with the ID 999"),
        (["--website", "https://nobody.example/"], "There is no website with the URL https://nobody.example/."),
        (["--website", "example.org"], "example.org: The URL must begin with http:// or https://."),
        (["--website", "\x1b[31m"], r"\x1b[31m: A URL has no spaces, control characters"),
        (["--tag", "nothing"], "No website has the tag nothing."),
        (["--tag", "x,y"], "x,y: A tag has no commas."),
        (["--tag", "\x1b"], r"\x1b: A tag has no characters that do not print."),
        (["--until", "1d"], "There is no time between: --since must be before --until."),
        (["--until", "2d"], "There is no time between: --since must be before --until."),
    ],
)
def test_bad_usage_is_told_in_a_sentence_and_ends_with_code_2(
    replay: Replay, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError) as refusal:
        replay(*arguments)
    assert message in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
    assert refusal.value.returncode == 2


def test_a_tag_that_none_of_the_named_websites_has_is_told(replay: Replay, website: Website) -> None:
    with pytest.raises(CommandError, match=r"None of these websites has the tag prod\."):
        replay("--website", str(website.pk), "--tag", "prod")


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--since", "|30|d|30 d|-1d|1.5d|40000d|9999999d|99999999d|٣d|soon|2027-13-01"),
        ("--until", "30s|0001-01-01T00:00:00+10:00|tomorrow"),
        ("--failures", "0|11|-1|two|1.5|٣|" + "9" * 5_000),
        ("--successes", "0|11"),
        ("--slow-checks", "0|11"),
        ("--slow-threshold", "0|61|nan|inf|-1|slow|1_0"),
        ("--delay", "-1|86401|1.5"),
        ("--flapping", "-1|1001"),
        ("--flapping-window", "59|86401"),
        ("--limit", "-1|1000001"),
    ],
)
def test_a_value_that_is_none_is_refused(replay: Replay, option: str, values: str) -> None:
    for value in values.split("|"):
        with pytest.raises(CommandError, match=rf"argument {option}: .*(must be|seconds)"):
            replay(f"{option}={value}")


def test_since_when_has_to_be_said() -> None:
    with pytest.raises(CommandError, match="--since"):
        call_command("replay_alerts")
