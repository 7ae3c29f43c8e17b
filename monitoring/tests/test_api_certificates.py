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


def test_a_longer_list_takes_no_more_queries() -> None:
    client = signed_in("viewer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/websites").status_code == 200
        return len(captured)

    certify(add())
    few = queries()
    for number in range(10):
        certify(add(f"https://{number}.example.org/"))
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
    assert client.get("/monitoring", {"outcome": "bad"}).status_code == 400
    assert client.get(f"/websites/{website.pk}").json()["last_check"]["outcome"] == "unknown"
