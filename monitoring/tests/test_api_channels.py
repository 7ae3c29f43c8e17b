import logging
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from monitoring.models import Channel, Delivery
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import delivery
from monitoring.tests.receivers import LOOPBACK, posts, taking
from monitoring.tests.servers import Server, response
from websites.encryption import decrypt, encrypt
from websites.models import Website
from websites.tests.people import send, signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.org/services/t4rget?key=t4rget"
WEBHOOK = {"name": "ops", "kind": "webhook", "target": URL}
DEFAULTS: dict[str, Any] = {
    "is_active": True,
    "wants_down": True,
    "wants_up": True,
    "wants_slow": True,
    "wants_value": True,
    "wants_certificate": True,
    "delay": 0,
    "reminder_interval": None,
    "quiet_from": None,
    "quiet_until": None,
    "time_zone": "UTC",
    "tags": [],
    "websites": [],
    "for_all": True,
}


@pytest.fixture
def admin() -> APIClient:
    return signed_in("admin")


@pytest.fixture
def website() -> Website:
    return add()


@pytest.mark.parametrize("path", ["/channels", "/channels/"])
def test_a_webhook_without_a_secret_gets_one_that_is_answered_once(admin: APIClient, path: str) -> None:
    response = send(admin, "post", path, WEBHOOK)
    assert response.status_code == 201
    answer = response.json()
    made = answer.pop("secret")
    stored = Channel.objects.get()
    assert (decrypt(stored.target), decrypt(stored.secret)) == (URL, made)
    assert len(made) >= 43
    given = {"id": stored.pk, "name": "ops", "kind": "webhook"}
    shown = {"target_hint": "https://hooks.example.org/…", "has_secret": True}
    assert answer == given | shown | DEFAULTS | {"created_at": answer["created_at"]}
    assert admin.get(f"/channels/{stored.pk}").json() == answer
    assert admin.get("/channels").json()["results"] == [answer]


def test_every_option_is_kept(admin: APIClient, website: Website) -> None:
    options = {
        "is_active": False,
        "wants_down": False,
        "wants_up": False,
        "wants_slow": False,
        "wants_value": False,
        "wants_certificate": False,
        "delay": 300,
        "reminder_interval": 3600,
        "quiet_from": "22:00:00",
        "quiet_until": "06:30:00",
        "time_zone": "Europe/Berlin",
        "tags": ["prod", "my shop"],
        "websites": [website.pk],
    }
    body = {"name": "night", "kind": "EMAIL", "target": "anna@example.org, bob@example.com", **options}
    response = send(admin, "post", "/channels", body)
    assert response.status_code == 201
    answer = response.json()
    assert {name: answer[name] for name in options} == options
    assert (answer["kind"], answer["target_hint"]) == ("email", "a***@example.org, b***@example.com")
    assert (answer["has_secret"], "secret" in answer) == (False, False)
    assert Channel.objects.get().tags == ",prod,my shop,"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "may not be blank"),
        ({"name": "taken"}, "name", "with this name exists already."),
        ({"name": "x" * 101}, "name", "no more than 100"),
        ({"kind": "pigeon"}, "kind", "email"),
        ({"kind": None}, "kind", "may not be null"),
        ({"target": ""}, "target", "may not be blank"),
        ({"target": None}, "target", "may not be null"),
        ({"target": "ftp://t4rget"}, "target", "http"),
        ({"target": "https://me:t4rget@example.org/"}, "target", "no user name or password"),
        ({"target": "x" * 2001}, "target", "no more than 2000"),
        ({"kind": "email", "target": "nonsense"}, "target", "no e-mail address"),
        ({"kind": "apprise", "target": "syslog://"}, "target", "own machine"),
        ({"kind": "email", "target": "anna@example.org", "secret": "s3cr3t"}, "secret", "Only what is sent"),
        ({"secret": "s" * 201}, "secret", "no more than 200"),
        ({"delay": -1}, "delay", "greater than or equal to 0"),
        ({"delay": 86_401}, "delay", "less than or equal to 86400"),
        ({"delay": "1.5"}, "delay", "valid integer"),
        ({"delay": [1]}, "delay", "valid integer"),
        ({"reminder_interval": 59}, "reminder_interval", "greater than or equal to 60"),
        ({"quiet_from": "22:00"}, "quiet_until", "a beginning and an end"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until", "different times"),
        ({"quiet_from": "late", "quiet_until": "06:00"}, "quiet_from", "Time has wrong format"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no such time zone"),
        ({"tags": "prod"}, "tags", "list of strings"),
        ({"tags": ["a,b"]}, "tags", "no commas"),
        ({"websites": [77]}, "websites", "no website with the id 77"),
        ({"websites": [2**63]}, "websites", "less than or equal to"),
        ({"websites": ["x"]}, "websites", "valid integer"),
        ({"websites": [0, "x"]}, "websites", "greater than or equal to 1"),
        ({"websites": 1}, "websites", "Expected a list"),
        ({"websites": list(range(1, 1002))}, "websites", "at most 1000"),
        ({"wants_down": False, "wants_slow": False, "wants_value": False}, "wants_up", "choose one of those"),
        ({"is_active": "perhaps"}, "is_active", "boolean"),
        ({"targett": URL}, "targett", 'Did you mean "target"?'),
    ],
)
def test_a_bad_channel_is_answered_beside_its_field_and_not_kept(
    admin: APIClient, change: dict[str, Any], field: str, words: str
) -> None:
    add_channel("taken")
    response = send(admin, "post", "/channels", WEBHOOK | change)
    assert (response.status_code, list(response.json())) == (400, [field])
    text = response.content.decode()
    assert words in response.json()[field][0]
    assert not [secret for secret in ("t4rget", "s3cr3t") if secret in text]
    assert Channel.objects.get().name == "taken"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_not_named_stays_as_it_is(admin: APIClient, website: Website, method: str) -> None:
    one = add_channel(tags="prod", delay=60)
    one.websites.add(website)
    answer = send(admin, method, f"/channels/{one.pk}", {"delay": "90", "is_active": False}).json()
    assert (answer["delay"], answer["is_active"], answer["tags"]) == (90, False, ["prod"])
    assert (answer["websites"], "secret" in answer) == ([website.pk], False)
    kept = Channel.objects.get()
    assert (kept.target, kept.secret) == (one.target, one.secret)
    assert send(admin, method, f"/channels/{one.pk}", {"websites": [], "tags": []}).json()["websites"] == []


def test_another_kind_needs_another_target(admin: APIClient) -> None:
    one = add_channel()
    path = f"/channels/{one.pk}"
    response = send(admin, "patch", path, {"kind": "email"})
    assert (response.status_code, list(response.json())) == (400, ["target"])
    answer = send(admin, "patch", path, {"kind": "email", "target": "anna@example.org"}).json()
    assert (answer["kind"], answer["target_hint"], answer["has_secret"]) == ("email", "a***@example.org", False)
    # And back: the old secret is gone.
    answer = send(admin, "patch", path, {"kind": "webhook", "target": URL}).json()
    assert decrypt(Channel.objects.get().secret) == answer["secret"]


def test_a_secret_is_replaced_by_a_given_or_a_made_one(admin: APIClient) -> None:
    path = f"/channels/{add_channel().pk}"
    answer = send(admin, "patch", path, {"secret": "a new s3cr3t"}).json()
    assert "secret" not in answer
    assert decrypt(Channel.objects.get().secret) == "a new s3cr3t"
    for nothing in (None, ""):
        made = send(admin, "patch", path, {"secret": nothing}).json()["secret"]
        assert decrypt(Channel.objects.get().secret) == made


def test_a_forms_empty_boxes_leave_target_and_secret(admin: APIClient) -> None:
    one = add_channel()
    response = send(admin, "put", f"/channels/{one.pk}", {"name": "new", "target": "", "secret": ""}, "multipart")
    assert response.status_code == 200
    kept = Channel.objects.get()
    assert (kept.name, kept.target, kept.secret) == ("new", one.target, one.secret)


def test_channels_are_checked_together_with_what_they_are(admin: APIClient) -> None:
    one = add_channel(quiet_from="22:00", quiet_until="06:00")
    path = f"/channels/{one.pk}"
    assert list(send(admin, "patch", path, {"quiet_from": None}).json()) == ["quiet_from"]
    assert send(admin, "patch", path, {"quiet_from": None, "quiet_until": None}).status_code == 200


@pytest.mark.parametrize("html", [False, True])
def test_no_answer_holds_target_or_secret(
    admin: APIClient, html: bool, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    caplog.set_level(logging.DEBUG)
    headers = {"Accept": "text/html"} if html else {}
    with Server(taking()) as server:
        target = server.url("/t4rget?t4rget")
        body = {"name": "a", "kind": "webhook", "target": target, "secret": "s3cr3t"}
        made = admin.post("/channels", body, format="json", headers=headers)
        assert made.status_code == 201
        one = Channel.objects.get()
        path = f"/channels/{one.pk}"
        answers = [
            made,
            admin.post("/channels", body, format="json", headers=headers),
            admin.patch(path, {"delay": 1}, format="json", headers=headers),
            admin.patch(path, {"target": target, "secret": "s3cr3t", "delay": -1}, format="json", headers=headers),
            admin.post(f"{path}/test", headers=headers),
            admin.options(path, headers=headers),
            *(admin.get(where, headers=headers) for where in ("/channels", path, "/deliveries", "/deliveries/1")),
        ]
    for answer in answers:
        for secret in ("t4rget", "s3cr3t", one.target, one.secret):
            assert secret not in answer.content.decode()
    assert not [record for record in caplog.records if "s3cr3t" in record.getMessage()]
    assert not [record for record in caplog.records if "t4rget" in record.getMessage()]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_test_says_what_became_of_it(admin: APIClient, settings: Settings, slash: str) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    with Server(taking()) as server, Server(taking(response("410 Gone"))) as gone:
        one, other = add_channel("a", server.url("/")), add_channel("b", gone.url("/"), is_active=False)
        answers = [admin.post(f"/channels/{channel.pk}/test{slash}") for channel in (one, other)]
        [post] = posts(server)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == {"is_delivered": True, "detail": "The receiver answered 200."}
    assert answers[1].json() == {"is_delivered": False, "detail": "The receiver answered 410."}
    assert post.json()["event"] == "test"


def test_a_channel_is_deleted_with_what_was_sent(admin: APIClient) -> None:
    one = add_channel()
    delivery(one)
    assert admin.delete(f"/channels/{one.pk}").status_code == 204
    assert not Channel.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("number", ["0", "77", "9" * 20, "9" * 5000])
@pytest.mark.parametrize(("method", "verb"), [("get", ""), ("patch", ""), ("delete", ""), ("post", "/test")])
def test_an_unknown_channel_is_a_sentence(admin: APIClient, number: str, method: str, verb: str) -> None:
    response = getattr(admin, method)(f"/channels/{number}{verb}")
    assert (response.status_code, response.json()) == (404, {"detail": "There is no such channel."})


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_administrators_see_and_change_channels(role: str) -> None:
    one = add_channel()
    client = signed_in(role)
    for method, path in (
        ("get", "/channels"),
        ("post", "/channels"),
        ("get", f"/channels/{one.pk}"),
        ("put", f"/channels/{one.pk}"),
        ("delete", f"/channels/{one.pk}"),
        ("options", f"/channels/{one.pk}"),
        ("post", f"/channels/{one.pk}/test"),
    ):
        assert getattr(client, method)(path).status_code == 403
    assert Channel.objects.exists()


def test_a_page_of_channels_takes_few_queries(
    admin: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    websites = [add(f"http://www{number}.example/") for number in range(5)]
    for number in range(20):
        add_channel(f"channel {number:02}").websites.set(websites)
    with django_assert_max_num_queries(7):
        body = admin.get("/channels").json()
    assert body["count"] == 20
    assert [row["websites"] for row in body["results"]] == [[website.pk for website in websites]] * 20
    with django_assert_max_num_queries(17):
        send(admin, "post", "/channels", WEBHOOK | {"websites": [website.pk for website in websites]})


@pytest.mark.parametrize("query", ["search=x", "page=0", "page_size=0", "name=x"])
def test_a_query_that_means_nothing_is_refused(admin: APIClient, query: str) -> None:
    assert admin.get(f"/channels?{query}").status_code in (400, 404)


def test_a_target_that_cannot_be_read_any_more_is_replaced(admin: APIClient, settings: Settings) -> None:
    key, settings.SECRET_KEY = settings.SECRET_KEY, "an older one, and long enough for everything there is"
    stored = encrypt("http://127.0.0.1/")
    settings.SECRET_KEY = key
    one = add_channel()
    Channel.objects.update(target=stored, secret=stored)
    assert "SECRET_KEY has changed" in admin.get("/channels").json()["results"][0]["target_hint"]
    assert admin.post(f"/channels/{one.pk}/test").json()["is_delivered"] is False
    assert send(admin, "patch", f"/channels/{one.pk}", {"target": URL, "secret": "new"}).status_code == 200
