"""Troubles of the monitor itself, as processes say and others read them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import heartbeats, troubles
from monitoring.models import Heartbeat, Trouble, TroubleKind
from monitoring.tests.admin_pages import staff_client, website

pytestmark = pytest.mark.django_db

OVERLOADED, CUT_OFF = TroubleKind.OVERLOADED, TroubleKind.CUT_OFF
BEAT = Heartbeat.Component.BEAT


def trouble(
    seen: float = 0, began: float = 60, instance: str = "a:1", affected: int = 3, words: str = "why"
) -> Trouble:
    """One that began and was last seen so many seconds ago."""
    now = timezone.now()
    return Trouble.objects.create(
        kind=OVERLOADED,
        component=Heartbeat.Component.WORKER,
        instance=instance,
        began_at=now - timedelta(seconds=began),
        seen_at=now - timedelta(seconds=seen),
        words=words,
        affected=affected,
    )


def test_a_trouble_is_opened_refreshed_and_ended() -> None:
    troubles.note(OVERLOADED, "3 checks missed", 2)
    (begun,) = troubles.current()
    troubles.note(OVERLOADED, "5 checks missed", 1)
    troubles.note(CUT_OFF, "nothing answers", 7)
    first, second = troubles.current()
    assert (second.kind, second.began_at, second.words, second.affected) == (
        OVERLOADED,
        begun.began_at,
        "5 checks missed",
        1,
    )
    assert second.sentence == "overloaded: 5 checks missed, affected: 1 website"
    assert first.sentence == "cut off: nothing answers, affected: 7 websites"
    troubles.clear(OVERLOADED)
    troubles.clear(OVERLOADED)
    assert [current.kind for current in troubles.current()] == [CUT_OFF]
    ended = Trouble.objects.get(kind=OVERLOADED)
    assert (ended.instance, ended.ended_at is None) == (heartbeats.instance_name(), False)


def test_beat_and_worker_of_one_process_have_troubles_of_their_own() -> None:
    troubles.note(OVERLOADED, "the worker's", 1)
    troubles.note(OVERLOADED, "beat's", 5, BEAT)
    troubles.clear(OVERLOADED)
    assert [(current.words, current.affected) for current in troubles.current()] == [("beat's", 5)]


@pytest.mark.parametrize(
    ("seen", "is_current"),
    [(0, True), (50, True), (61, False), (-200, True), (-400, False)],
    ids=["just now", "less than a minute ago", "before that", "by a clock ahead", "by a wrong clock"],
)
def test_a_process_that_died_with_its_trouble_has_it_no_more(seen: float, is_current: bool) -> None:
    trouble(seen)
    assert bool(troubles.current()) == is_current


def test_a_trouble_that_was_not_refreshed_begins_anew() -> None:
    stale = trouble(seen=300, began=900, instance=heartbeats.instance_name())
    troubles.note(OVERLOADED, "again", 4)
    stale.refresh_from_db()
    assert stale.ended_at == stale.seen_at
    (current,) = troubles.current()
    assert timezone.now() - current.began_at < timedelta(seconds=30)


def test_of_several_processes_the_one_that_is_affected_most_speaks() -> None:
    trouble(began=300, instance="a:1", affected=3, words="little")
    trouble(began=100, instance="b:1", affected=9, words="much")
    trouble(seen=100, began=900, instance="c:1", affected=99, words="over")
    (current,) = troubles.current()
    assert current.sentence == "overloaded: much (in 2 processes), affected: 9 websites"
    assert timedelta(seconds=299) < timezone.now() - current.began_at < timedelta(seconds=330)


def test_words_too_long_for_their_column_are_cut() -> None:
    troubles.note(OVERLOADED, "x" * 2_000, 1)
    assert troubles.current()[0].words == "x" * 500


@pytest.mark.parametrize("fragment", [{}, {"fragment": ""}])
def test_the_overview_and_the_page_of_a_website_say_it(fragment: dict[str, str]) -> None:
    one = website()
    troubles.note(OVERLOADED, "3,412 checks missed in the last minute: no room for bodies", 1_300)
    for client, links in ((staff_client("viewer"), False), (staff_client("admin"), True)):
        for address in ("/", f"/sites/{one.pk}"):
            shown = client.get(address, fragment, follow=True).content.decode()
            assert "<strong>The monitor is overloaded</strong> since 2" in shown
            assert "no room for bodies, affected: 1,300 websites. More workers, longer intervals" in shown
            assert ("Processes, and what each has missed" in shown) == links
    troubles.clear(OVERLOADED)
    assert 'id="troubles"' not in client.get("/", fragment).content.decode()
