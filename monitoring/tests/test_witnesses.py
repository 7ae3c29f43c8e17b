"""Who counts as one witness, and what one silence amounts to."""

import pytest

from monitoring.witnesses import RETRY, STALE, Reach, Silence, domain_of, place_of


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("2001:db8:1::1", "2001:DB8:1:0:0::9", True),
        ("::ffff:192.0.2.1", "192.0.2.7", True),
    ],
)
def test_neighbours_are_one_witness(one: str, other: str, is_one: bool) -> None:
    assert (place_of(one).network == place_of(other).network) is is_one


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("example.org", "example.org"),
        ("Example.ORG.", "example.org"),
        ("www.example.co.uk", "example.co.uk"),
        ("shop.example.com.au", "example.com.au"),
        ("www.bit.ly", "bit.ly"),
        ("co.uk", "co.uk"),
        ("intranet", "intranet"),
    ],
)
def test_names_that_share_a_domain_are_one_witness(host: str, domain: str) -> None:
    assert domain_of(host) == domain


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("192.168.1.7", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("198.18.0.1", Reach.PRIVATE),
        ("8.8.8.8", Reach.GLOBAL),
        ("2606:4700::1111", Reach.GLOBAL),
    ],
)
def test_how_far_away_an_address_is(address: str, reach: Reach) -> None:
    assert place_of(address).reach is reach


def test_an_answer_contradicts_those_who_could_have_heard_it() -> None:
    silence = Silence()
    silence.testify("a", 1, 10.0)
    silence.testify("b", 2, 11.0)
    silence.hear(10.5)
    assert silence.marks == {"b": 11.0}
    silence.testify("c", 3, 10.5)
    assert silence.marks == {"b": 11.0}
    silence.hear(11.0)
    assert silence.marks == {}


def test_of_one_witness_the_latest_word_counts_and_only_while_it_is_fresh() -> None:
    silence = Silence()
    silence.testify("a", 1, 10.0)
    silence.testify("a", 1, 9.0)
    assert silence.marks == {"a": 10.0}
    silence.testify("b", 2, 10.0 + STALE)
    assert silence.marks == {"b": 10.0 + STALE}


def test_what_was_begun_in_the_silence_is_covered_by_it() -> None:
    silence = Silence()
    silence.hear(100.0)
    for who, began in (("a", 100.0), ("b", 101.0), ("c", 102.0)):
        silence.testify(who, 1, began + RETRY)
    silence.begin()
    assert silence.covers(99.5, 100.5)
    assert not silence.covers(98.5, 99.5)
    # A last answer on its way ends nothing.
    silence.hear(100.2)
    assert silence.covers(130.0, 131.0)
    silence.hear(120.0)
    assert not silence.covers(130.0, 131.0)
    # It had begun, though it ends afterwards.
    assert silence.covers(119.9, 120.9)
    assert not silence.covers(120.0, 121.0)
    assert silence.marks == {}


def test_before_any_silence_nothing_is_covered() -> None:
    assert not Silence().covers(1.0, 2.0)
