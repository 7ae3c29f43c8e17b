"""Certificates on their way from a check into the table."""

from datetime import UTC, datetime

import pytest

from monitoring import certificates, recorder
from monitoring.certificates import Refresh
from monitoring.findings import Check, Finding, finding_of
from monitoring.models import Certificate
from monitoring.probe import types
from monitoring.probe.types import Exchange, ProbeRequest
from monitoring.states import Rules
from monitoring.tests.test_recorder import recorder_of
from websites.models import Website

URL = "https://127.0.0.1/"
SEEN = types.Certificate("127.0.0.1", "CN=a", "CN=b", ("a.example", "127.0.0.1"), 1_700_000_000, 1_900_000_000)


def test_each_website_is_looked_at_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    refresh = Refresh()
    assert [refresh.is_due(1, URL), refresh.is_due(1, URL), refresh.is_due(2, URL)] == [True, False, True]
    # Another URL may have another certificate.
    assert refresh.is_due(1, "https://127.0.0.2/")
    monkeypatch.setattr(certificates, "REFRESH_INTERVAL", -1.0)
    assert refresh.is_due(3, URL)
    assert refresh.is_due(3, URL)


def test_many_websites_are_looked_at_one_after_another() -> None:
    refresh = Refresh()
    first = [website_id for website_id in range(1000) if refresh.is_due(website_id, URL)]
    # All that may be taken at once, and what came due meanwhile.
    assert certificates.LOOKS_PER_SECOND <= len(first) < 2 * certificates.LOOKS_PER_SECOND
    refresh._counted_at -= 1.0
    assert [website_id for website_id in range(60) if refresh.is_due(website_id, URL)] == list(range(len(first), 60))[
        :50
    ]


def test_websites_that_are_gone_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOKS_PER_SECOND", 1_000_000)
    monkeypatch.setattr(certificates, "REFRESH_INTERVAL", -1.0)
    refresh = Refresh()
    for website_id in range(10 * certificates.FEW):
        assert refresh.is_due(website_id, URL)
    assert len(refresh._next) <= certificates.FEW


def test_what_could_not_be_looked_at_is_looked_at_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    refresh = Refresh()
    assert refresh.is_due(1, URL)
    refresh.look_soon(1, URL)
    assert not refresh.is_due(1, URL)
    monkeypatch.setattr(certificates, "RETRY_INTERVAL", -1.0)
    refresh.look_soon(1, URL)
    assert refresh.is_due(1, URL)


def checked(website: Website, seen: types.Certificate | None, *, status: int = 200, wants: bool = True) -> Finding:
    request = ProbeRequest(URL, 5.0, wants_certificate=wants)
    exchange = Exchange(request, 1_800_000_000.0, status, 0.1 if status else None, certificate=seen)
    return finding_of(Check(website.pk, 1_800_000_000_000, Rules(), exchange))


@pytest.fixture
def website(transactional_db: None) -> Website:
    return Website.objects.create(website_url=URL, monitoring_interval=60)


def test_what_was_seen_is_kept(website: Website) -> None:
    recorder_of().write([checked(website, SEEN)])
    row = Certificate.objects.get()
    assert (row.pk, row.host, row.subject, row.issuer) == (website.pk, "127.0.0.1", "CN=a", "CN=b")
    assert row.names == ["a.example", "127.0.0.1"]
    assert row.not_before == datetime.fromtimestamp(1_700_000_000, UTC)
    assert row.not_after == datetime.fromtimestamp(1_900_000_000, UTC)
    assert row.seen_at == datetime.fromtimestamp(1_800_000_000, UTC)


def test_a_new_one_takes_the_place_of_the_old(website: Website) -> None:
    desk: recorder.Recorder = recorder_of()
    desk.write([checked(website, SEEN)])
    desk.write([checked(website, SEEN._replace(not_after=1_950_000_000, names=()))])
    row = Certificate.objects.get()
    assert (row.not_after, row.names) == (datetime.fromtimestamp(1_950_000_000, UTC), [])


@pytest.mark.parametrize(
    ("status", "wants", "stays"),
    [
        # It answers, and there is no certificate any more.
        (200, True, False),
        # Nobody looked, or nobody answered.
        (200, False, True),
        (0, True, True),
    ],
)
def test_it_goes_only_where_the_website_is_seen_without(
    website: Website, status: int, wants: bool, stays: bool
) -> None:
    desk = recorder_of()
    desk.write([checked(website, SEEN)])
    desk.write([checked(website, None, status=status, wants=wants)])
    assert Certificate.objects.exists() is stays


def test_it_goes_with_its_website(website: Website) -> None:
    recorder_of().write([checked(website, SEEN)])
    website.delete()
    assert not Certificate.objects.exists()
