"""Certificates and outcomes in the API's answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.models import Certificate, MonitoringData, Outcome
from websites.models import Website
from websites.tests.people import signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def certify(website: Website, days: float = 30.5) -> Certificate:
    return Certificate.objects.create(
        website=website,
        host="example.org",
        subject="CN = example.org",
        issuer="CN = An Authority",
        names=["example.org", "www.example.org"],
        not_before=SEEN,
        not_after=timezone.now() + timedelta(days=days),
        seen_at=SEEN,
    )


def test_a_website_has_none_until_one_was_seen() -> None:
    website = add()
    assert signed_in("viewer").get(f"/websites/{website.pk}").json()["certificate"] is None


@pytest.mark.parametrize(("days", "left"), [(30.5, 30), (0.5, 0), (-0.5, -1), (-9.5, -10)])
def test_a_certificate_is_answered_with_the_days_it_has_left(days: float, left: int) -> None:
    certificate = certify(add(), days)
    answered = signed_in("viewer").get("/websites").json()["results"][0]["certificate"]
    assert answered.pop("not_after") == certificate.not_after.isoformat().replace("+00:00", "Z")
    assert answered == {
        "host": "example.org",
        "subject": "CN = example.org",
        "issuer": "CN = An Authority",
        "names": ["example.org", "www.example.org"],
        "not_before": "2026-01-31T12:00:00Z",
        "days_left": left,
        "seen_at": "2026-01-31T12:00:00Z",
    }


def test_nobody_writes_one_by_the_api() -> None:
    website = add()
    response = signed_in("editor").patch(f"/websites/{website.pk}", {"certificate": {"host": "x"}}, format="json")
    assert response.json()["certificate"] is None
    assert not Certificate.objects.exists()


def test_every_answer_about_a_website_has_its_own_certificate() -> None:
    one, other, bare = add(), add("https://other.example.org/"), add("https://bare.example.org/")
    hosts = {one.pk: "example.org", other.pk: "other.example.org", bare.pk: None}
    for website in (one, other):
        certificate = certify(website)
        certificate.host = str(hosts[website.pk])
        certificate.save()
    client = signed_in("editor")

    def told(website: dict[str, Any]) -> Any:
        return website["certificate"] and website["certificate"]["host"]

    for path in ("/websites", "/website?keyword=example", "/websites?state=unknown"):
        results = client.get(path).json()["results"]
        assert {row["website_id"]: told(row) for row in results} == hosts
    for pk, host in hosts.items():
        answers = [
            client.get(f"/websites/{pk}"),
            client.put(f"/websites/{pk}", {"monitoring_interval": 61}),
            client.patch(f"/websites/{pk}", {"monitoring_interval": 62}),
            client.put("/websites", {"website_id": pk, "monitoring_interval": 63}),
            *(client.post(f"/websites/{pk}/{verb}") for verb in ("check", "pause", "resume")),
        ]
        assert [told(response.json()) for response in answers] == [host] * len(answers)
    made = client.post("/websites", {"website_url": "http://new.example/", "monitoring_interval": 60})
    assert (made.status_code, made.json()["certificate"]) == (201, None)


def test_an_answer_with_a_certificate_can_be_sent_back() -> None:
    website = add()
    certify(website)
    client = signed_in("editor")
    answer = client.get(f"/websites/{website.pk}").json()
    sent = {**answer, "certificate": {**answer["certificate"], "host": "evil.example"}}
    response = client.put(f"/websites/{website.pk}", sent, format="json")
    assert (response.status_code, response.json()) == (200, answer)
    assert Certificate.objects.get().host == "example.org"


def test_what_a_certificate_says_drives_no_terminal() -> None:
    certificate = certify(add())
    certificate.issuer, certificate.names = "CN = \x1b[31m\u202e", ["\x1b]0;x\x07", "ä"]
    certificate.save()
    response = signed_in("viewer").get("/websites")
    text = response.content.decode()
    assert not {"\x1b", "\u202e", "\x07"} & set(text)
    answered = response.json()["results"][0]["certificate"]
    assert (answered["issuer"], answered["names"]) == (certificate.issuer, certificate.names)


@pytest.mark.parametrize("path", ["/websites", "/website?keyword=example"])
def test_a_longer_list_takes_no_more_queries(path: str) -> None:
    client = signed_in("viewer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    certify(add())
    few = queries()
    for number in range(10):
        # With one and without.
        certify(add(f"https://{number}.example.org/"))
        add(f"https://bare{number}.example.org/")
    assert queries() == few


def check(website: Website, status: int, outcome: Outcome) -> MonitoringData:
    now = timezone.now()
    return MonitoringData.objects.create(
        website=website, http_status=status, outcome=outcome, entry_timestamp=now, scheduled_at=now
    )


def test_checks_tell_their_outcome_and_are_found_by_it() -> None:
    website, client = add(), signed_in("viewer")
    for status, outcome in ((200, Outcome.UP), (500, Outcome.DOWN), (502, Outcome.UNKNOWN)):
        check(website, status, outcome)

    def found(**query: Any) -> list[tuple[int, str]]:
        rows = client.get("/monitoring", query).json()["results"]
        return [(row["http_status"], row["outcome"]) for row in rows]

    assert found() == [(502, "unknown"), (500, "down"), (200, "up")]
    assert found(outcome="down") == [(500, "down")]
    assert found(outcome="up", website_id=website.pk) == [(200, "up")]
    assert found(outcome="unknown", http_status=200) == []
    assert found(outcome="") == found()
    assert client.get(f"/websites/{website.pk}").json()["last_check"]["outcome"] == "unknown"


@pytest.mark.parametrize("outcome", ["bad", "UP", "paused", "up,down", "\0", "none"])
def test_an_outcome_that_there_is_not_is_refused_by_its_name(outcome: str) -> None:
    response = signed_in("viewer").get("/monitoring", {"outcome": outcome})
    assert (response.status_code, list(response.json())) == (400, ["outcome"])


def test_the_newest_checks_outcome_stands_in_lists_and_one_check_has_its_own() -> None:
    first, second, client = add(), add("https://other.example.org/"), signed_in("viewer")
    rows = [check(first, 200, Outcome.UP), check(first, 500, Outcome.DOWN), check(second, 200, Outcome.UP)]
    results = client.get("/websites").json()["results"]
    assert [row["last_check"]["outcome"] for row in results] == ["down", "up"]
    assert [client.get(f"/monitoring/{row.pk}").json()["outcome"] for row in rows] == ["up", "down", "up"]
