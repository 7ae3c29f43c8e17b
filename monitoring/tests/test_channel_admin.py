import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from monitoring.models import Channel, Delivery
from monitoring.tests.admin_pages import act, change_url, page, staff_client, website
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN, alert, delivery, incident
from monitoring.tests.receivers import LOOPBACK, posts, taking
from monitoring.tests.servers import Server, response
from websites.encryption import decrypt

pytestmark = pytest.mark.django_db

CHANNELS = reverse("admin:monitoring_channel_changelist")
ADD = reverse("admin:monitoring_channel_add")
TARGET = "https://hooks.example.org/t4rget"


def filled(**fields: Any) -> dict[str, Any]:
    """What a browser sends of a form for a webhook where these fields were filled in."""
    untouched = {
        "name": "ops",
        "kind": "webhook",
        "target": "",
        "secret": "",
        "is_active": "on",
        "wants_down": "on",
        "wants_up": "on",
        "wants_slow": "on",
        "wants_value": "on",
        "wants_certificate": "on",
        "delay": "0",
        "time_zone": "UTC",
    }
    return {**untouched, **fields}


def test_a_webhooks_secret_is_made_and_shown_once(admin_client: Client) -> None:
    content = admin_client.post(ADD, filled(target=TARGET), follow=True).content.decode()
    made = decrypt(Channel.objects.get().secret)
    assert f"<code>{made}</code>" in content
    for url in (CHANNELS, change_url(Channel.objects.get())):
        assert made not in page(admin_client, url)


def test_every_option_is_saved(admin_client: Client) -> None:
    one = website(0)
    options = {
        "kind": "email",
        "target": "anna@example.org",
        "tags": "Prod, shop",
        "websites": [str(one.pk)],
        "delay": "300",
        "reminder_interval": "3600",
        "quiet_from": "22:00",
        "quiet_until": "6:00",
        "time_zone": "Europe/Berlin",
    }
    sent = filled(**options)
    del sent["is_active"], sent["wants_certificate"]
    assert admin_client.post(ADD, sent).status_code == 302
    made = Channel.objects.get()
    assert (decrypt(made.target), made.secret, made.tags) == ("anna@example.org", "", ",prod,shop,")
    assert (made.delay, made.reminder_interval, made.time_zone) == (300, 3600, "Europe/Berlin")
    assert (made.is_active, made.wants_down, made.wants_certificate) == (False, True, False)
    assert list(made.websites.all()) == [one]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "taken"}, "name", "with this name exists already."),
        ({"kind": "pigeon"}, "kind", "Select a valid choice"),
        ({"target": ""}, "target", "Say where the messages go"),
        ({"target": "ftp://t4rget"}, "target", "http"),
        ({"target": "t4rget" * 500}, "target", "at most 2000"),
        ({"kind": "apprise", "target": "t4rget"}, "target", "scheme of a service"),
        ({"kind": "email", "target": "anna@example.org", "secret": "s3cr3t"}, "secret", "Only what is sent"),
        ({"secret": "s3cr3t" * 50}, "secret", "at most 200"),
        ({"delay": "-1"}, "delay", "greater than or equal to 0"),
        ({"delay": ""}, "delay", "required"),
        ({"reminder_interval": "59"}, "reminder_interval", "greater than or equal to 60"),
        ({"quiet_from": "22:00"}, "quiet_until", "a beginning and an end"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until", "different times"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no such time zone"),
        ({"tags": "a" * 51}, "tags", "at most 50"),
        ({"websites": ["77"]}, "websites", "Select a valid choice"),
        ({"wants_down": "false", "wants_slow": "false", "wants_value": "false"}, "wants_up", "choose one of those"),
    ],
)
def test_a_bad_field_is_answered_beside_it_and_nothing_typed_is_sent_back(
    admin_client: Client, fields: dict[str, Any], field: str, words: str
) -> None:
    add_channel("taken")
    answer = admin_client.post(ADD, {**filled(target=TARGET), **fields})
    errors = answer.context["adminform"].form.errors
    assert set(errors) == {field}
    assert words in errors[field][0]
    for secret in ("t4rget", "s3cr3t", "gAAAA"):
        assert secret not in answer.content.decode()
    assert Channel.objects.get().name == "taken"


def test_target_and_secret_stay_where_their_boxes_are_left_empty(admin_client: Client) -> None:
    one = add_channel()
    content = page(admin_client, change_url(one))
    assert "http://127.0.0.1:9/… is kept and not shown in full." in content
    assert admin_client.post(change_url(one), filled(delay="60")).status_code == 302
    kept = Channel.objects.get()
    assert (kept.delay, kept.target, kept.secret) == (60, one.target, one.secret)
    assert LogEntry.objects.get().get_change_message() == "Changed Name and Delay."


def test_they_are_replaced_by_what_is_typed(admin_client: Client) -> None:
    one = add_channel()
    admin_client.post(change_url(one), filled(target=TARGET, secret="s3cr3t"))
    kept = Channel.objects.get()
    assert (decrypt(kept.target), decrypt(kept.secret)) == (TARGET, "s3cr3t")


def test_another_kind_needs_another_target(admin_client: Client) -> None:
    one = add_channel()
    answer = admin_client.post(change_url(one), filled(kind="email"))
    assert list(answer.context["adminform"].form.errors) == ["target"]
    assert admin_client.post(change_url(one), filled(kind="email", target="anna@example.org")).status_code == 302
    kept = Channel.objects.get()
    assert (kept.kind, decrypt(kept.target), kept.secret) == ("email", "anna@example.org", "")


def test_no_page_no_log_and_no_history_holds_target_or_secret(
    admin_client: Client, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    caplog.set_level(logging.DEBUG)
    with Server(taking()) as server:
        assert admin_client.post(ADD, filled(target=server.url("/t4rget"), secret="s3cr3t")).status_code == 302
        one = Channel.objects.get()
        admin_client.post(change_url(one), filled(target=server.url("/t4rget?2"), secret="s3cr3t2"))
        one.refresh_from_db()
        pages = [act(admin_client, CHANNELS, "send_test", one)]
    history = reverse("admin:monitoring_channel_history", args=[one.pk])
    deletion = reverse("admin:monitoring_channel_delete", args=[one.pk])
    sent = change_url(Delivery.objects.get())
    pages += [page(admin_client, url) for url in (CHANNELS, change_url(one), history, deletion, sent)]
    pages.append(act(admin_client, CHANNELS, "delete_selected", one))
    entries = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    said = [record.getMessage() for record in caplog.records]
    for text in (*pages, *entries, *said):
        for secret in ("t4rget", "s3cr3t", one.target, one.secret):
            assert secret not in text


def test_the_list_shows_the_last_delivery_of_each(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        channel = add_channel(f"channel {number:02}", tags="prod")
        channel.websites.add(website(number))
        delivery(channel, 3600, status=Delivery.Status.FAILED)
        delivery(channel, 60, status=Delivery.Status.SENT)
    add_channel("everything")
    with django_assert_max_num_queries(7):
        content = page(admin_client, CHANNELS)
    assert content.count("✓</span> sent") == content.count("prod; 1 website<") == 20
    assert "failed" not in content.partition('id="result_list"')[2]
    assert "all websites" in content
    assert content.count("http://127.0.0.1:9/…") == 21


def test_a_test_is_sent_by_the_button_and_by_the_action(admin_client: Client, settings: Settings) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    with Server(taking()) as server, Server(taking(response("410 Gone"))) as gone:
        one, other = add_channel("one", server.url("/")), add_channel("other", gone.url("/"))
        assert 'name="action" value="send_test"' in page(admin_client, change_url(one))
        chosen = {"action": "send_test", "_selected_action": [one.pk], "_on_page": "1"}
        answer = admin_client.post(CHANNELS, chosen, follow=True)
        both = act(admin_client, CHANNELS, "send_test", one, other)
        assert [post.json()["event"] for post in posts(server)] == ["test", "test"]
    assert answer.redirect_chain == [(change_url(one), 302)]
    assert "The test to one was sent. The receiver answered 200." in answer.content.decode()
    assert "The test to other was not sent. The receiver answered 410." in both
    assert Delivery.objects.count() == 3


def test_only_a_few_are_tested_at_once(admin_client: Client) -> None:
    channels = [add_channel(str(number)) for number in range(4)]
    assert "Choose at most 3" in act(admin_client, CHANNELS, "send_test", *channels)
    assert not Delivery.objects.exists()


def test_no_test_is_sent_by_a_link_or_without_a_csrf_token() -> None:
    one = add_channel()
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    chosen: dict[str, Any] = {"action": "send_test", "_selected_action": one.pk}
    assert client.post(CHANNELS, chosen).status_code == 403
    client.get(CHANNELS, chosen, follow=True)
    assert not Delivery.objects.exists()


def test_a_channel_is_deleted_with_what_was_sent(admin_client: Client) -> None:
    one, other = add_channel("one"), add_channel("other")
    for channel in (one, other):
        alert(channel, incident(website(channel.pk)), delivery=delivery(channel))
    assert "all of theirs" in act(admin_client, CHANNELS, "delete_selected", one)
    act(admin_client, CHANNELS, "delete_selected", one, post="yes")
    assert Delivery.objects.get().channel == other
    admin_client.post(reverse("admin:monitoring_channel_delete", args=[other.pk]), {"post": "yes"})
    assert not Channel.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_only_administrators_see_and_change_channels(role: str) -> None:
    one = add_channel()
    client = staff_client(role)
    code = 200 if role == "admin" else 403
    for url in (CHANNELS, change_url(one), ADD):
        assert client.get(url).status_code == code
    assert client.post(CHANNELS, {"action": "send_test", "_selected_action": one.pk}, follow=True).status_code == code
    assert Delivery.objects.exists() is (role == "admin")


def test_whoever_may_only_look_sees_no_target_and_sends_nothing() -> None:
    one = add_channel(tags="prod")
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_channel"))
    client = Client()
    client.force_login(user)
    for url in (CHANNELS, change_url(one)):
        content = page(client, url)
        assert "http://127.0.0.1:9/…" in content
        assert one.target not in content
        assert one.secret not in content
    assert "Send a test" not in content
    client.post(CHANNELS, {"action": "send_test", "_selected_action": one.pk}, follow=True)
    assert not Delivery.objects.exists()


def test_hostile_names_are_inert(admin_client: Client) -> None:
    one = add_channel(HOSTILE)
    for url in (CHANNELS, reverse("admin:monitoring_channel_delete", args=[one.pk])):
        content = page(admin_client, url)
        assert HOSTILE_SHOWN in content
        assert "<script>alert" not in content
