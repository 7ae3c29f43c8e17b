import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from webmonitor.clients import client_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "counted"),
    [
        (0, "", "192.0.2.1", "192.0.2.1"),
        (0, "198.51.100.1", "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.1", "192.0.2.1", "198.51.100.1"),
        (1, "203.0.113.1, 198.51.100.1", "192.0.2.1", "198.51.100.1"),
        (2, "203.0.113.1, 198.51.100.1", "192.0.2.1", "203.0.113.1"),
        (2, "198.51.100.1", "192.0.2.1", "192.0.2.1"),
        (1, "", "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.1:4711", "192.0.2.1", "198.51.100.1"),
        (1, "[2001:db8:1:2:3::4]:4711", "192.0.2.1", "2001:db8:1:2::"),
        (1, "::ffff:198.51.100.1", "192.0.2.1", "198.51.100.1"),
        (1, "nonsense", "192.0.2.1", "192.0.2.1"),
        (1, "\0", "192.0.2.1", "192.0.2.1"),
        (1, "1" * 500, "192.0.2.1", "192.0.2.1"),
        (0, "", "2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        (0, "", "", None),
    ],
)
def test_an_attempt_counts_for_the_address_that_nobody_can_choose(
    settings: LazySettings, proxies: int, forwarded: str, remote: str, counted: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == counted
