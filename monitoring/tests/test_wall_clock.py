"""Wall-clock times, on the days on which clocks are changed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.wall_clock import check_time_zone, moment_of, zone_of

# Zones with the local days on which their clocks are changed.
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-10-04", "2026-04-05"],
    "America/Havana": ["2026-03-08", "2026-11-01"],
    "Asia/Kathmandu": ["2026-01-01"],
    # Where a whole day was skipped.
    "Pacific/Apia": ["2011-12-30"],
    "UTC": ["2026-12-31"],
}


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("UTC", "2026-07-01T12:00", "2026-07-01T12:00"),
        ("Europe/Berlin", "2026-07-01T12:00", "2026-07-01T10:00"),
        ("Europe/Berlin", "2026-01-01T00:30", "2025-12-31T23:30"),
        # The gap.
        ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
        # The fold.
        ("Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59"),
        ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30"),
    ],
)
def test_a_wall_clock_time_is_a_moment(zone: str, local: str, utc: str) -> None:
    assert moment_of(datetime.fromisoformat(local), zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(st.data())
def test_it_is_the_first_minute_at_which_clocks_show_it_or_a_later_time(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(sorted(CHANGES)))
    day = datetime.fromisoformat(data.draw(st.sampled_from(CHANGES[zone])))
    local = day + timedelta(minutes=data.draw(st.integers(min_value=-300, max_value=1740)))
    minute = local.replace(tzinfo=UTC) - timedelta(hours=16)
    while minute.astimezone(zone_of(zone)).replace(tzinfo=None) < local:
        minute += timedelta(minutes=1)
    assert moment_of(local, zone) == minute


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones_are_known_by_name(name: str) -> None:
    check_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        *["", " ", "Europe", "europe/berlin", "Europe/Atlantis", "+02:00", "../UTC", "/etc/passwd"],
        *["posix/UTC", "UTC\0", "localtime", "Factory", "x" * 10_000],
    ],
)
def test_other_time_zones_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="There is no such time zone: give a name such as Europe/Berlin or UTC"):
        check_time_zone(name)
