import json
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from websites.api.serializers import WebsiteSerializer
from websites.models import Website
from websites.tests.websites import URL, add

pytestmark = pytest.mark.django_db


def seed_fields(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("website_id", "website_url", "monitoring_interval", "regex", "is_active")}


@pytest.mark.parametrize("path", ["/websites", "/websites/"])
@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_a_website_is_added(editor: APIClient, path: str, body_format: str) -> None:
    body = {"website_url": "HTTPS://Example.org:443", "monitoring_interval": 5, "regex": r"(\w+) "}
    response = editor.post(path, body, format=body_format)
    assert response.status_code == 201
    website = Website.objects.get()
    assert seed_fields(response.json()) == {
        "website_id": website.pk,
        "website_url": "https://example.org/",
        "monitoring_interval": 5,
        "regex": r"(\w+) ",
        "is_active": True,
    }
    assert PeriodicTask.objects.get(name=f"website-{website.pk}").enabled


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"monitoring_interval": 4}, "monitoring_interval", "greater than or equal to 5"),
    ({"monitoring_interval": 301}, "monitoring_interval", "less than or equal to 300"),
    ({"monitoring_interval": -1}, "monitoring_interval", "greater than"),
    ({"monitoring_interval": 10**400}, "monitoring_interval", "less than"),
    ({"monitoring_interval": "abc"}, "monitoring_interval", "valid integer"),
    ({"monitoring_interval": 5.5}, "monitoring_interval", "valid integer"),
    ({"monitoring_interval": "\u0665"}, "monitoring_interval", "A valid integer is required."),
    ({"monitoring_interval": "1_0"}, "monitoring_interval", "A valid integer is required."),
    ({"monitoring_interval": True}, "monitoring_interval", "valid integer"),
    ({"monitoring_interval": None}, "monitoring_interval", "may not be null"),
    ({"monitoring_interval": []}, "monitoring_interval", "valid integer"),
    ({"website_url": ""}, "website_url", "blank"),
    ({"website_url": None}, "website_url", "null"),
    ({"website_url": 5}, "website_url", "http://"),
    ({"website_url": ["http://a.example"]}, "website_url", "valid string"),
    ({"website_url": {"a": 1}}, "website_url", "valid string"),
    ({"website_url": "ftp://a.example"}, "website_url", "http://"),
    ({"website_url": "http://a.example/\0"}, "website_url", "control characters"),
    ({"website_url": "http://a.example/\ud800"}, "website_url", "control characters"),
    ({"website_url": "http://a.example/" + "x" * 3000}, "website_url", "longer than 2048"),
    ({"regex": "("}, "regex", "RE2"),
    ({"regex": r"(?=look)"}, "regex", "RE2"),
    ({"regex": "x" * 10_000}, "regex", "no more than 500"),
    ({"regex": "\ud800"}, "regex", "not allowed"),
    ({"regex": "a\0"}, "regex", "Null"),
    ({"regex": ["a"]}, "regex", "valid string"),
    ({"is_active": "perhaps"}, "is_active", "boolean"),
    ({"is_active": None}, "is_active", "null"),
    ({"intervall": 5}, "intervall", "no such field"),
    ({"monitoring_intervall": 5}, "monitoring_intervall", 'Did you mean "monitoring_interval"?'),
    ({"interval": 5}, "interval", 'Did you mean "monitoring_interval"?'),
    ({"url": 5}, "url", 'Did you mean "website_url"?'),
    ({"\ud800\x1b": 1}, "\\ud800\\x1b", "no such field"),
]


@pytest.mark.parametrize(("change", "field", "message"), BAD)
def test_a_bad_field_is_named_with_what_is_wrong(
    editor: APIClient, change: dict[str, Any], field: str, message: str
) -> None:
    body = json.dumps({"website_url": URL, "monitoring_interval": 60, **change})
    response = editor.post("/websites", body, content_type="application/json")
    assert response.status_code == 400
    assert message in " ".join(response.json()[field])
    assert not Website.objects.exists()
    assert not PeriodicTask.objects.filter(name__startswith="website-").exists()

    website = add("https://other.example/")
    response = editor.put(f"/websites/{website.pk}", json.dumps(change), content_type="application/json")
    assert response.status_code == 400
    assert message in " ".join(response.json()[field])


@pytest.mark.parametrize("field", ["website_url", "monitoring_interval"])
def test_a_missing_field_is_named(editor: APIClient, field: str) -> None:
    body = {"website_url": URL, "monitoring_interval": 60}
    del body[field]
    response = editor.post("/websites", body, format="json")
    assert response.status_code == 400
    assert response.json() == {field: ["This field is required."]}


def test_every_bad_field_is_named_at_once(editor: APIClient) -> None:
    response = editor.post("/websites", {"website_url": "x", "monitoring_interval": 1, "typo": 1}, format="json")
    assert response.json().keys() == {"website_url", "monitoring_interval", "typo"}


@pytest.mark.parametrize("twin", [URL, "HTTPS://EXAMPLE.ORG:443/health#top"])
def test_a_url_is_taken_once(editor: APIClient, twin: str) -> None:
    add()
    response = editor.post("/websites", {"website_url": twin, "monitoring_interval": 60}, format="json")
    assert response.status_code == 400
    assert response.json() == {"website_url": ["A website with this URL exists already."]}


def test_a_url_taken_after_validation_is_the_same_error() -> None:
    late = WebsiteSerializer(data={"website_url": URL, "monitoring_interval": 60})
    late.is_valid(raise_exception=True)
    add()
    with pytest.raises(ValidationError, match="exists already"):
        late.save()
    assert Website.objects.count() == 1


def test_a_website_is_changed_by_its_url_and_keeps_what_is_not_named(editor: APIClient) -> None:
    website = add(regex="ok", is_active=False)
    response = editor.put("/websites", {"website_url": "https://EXAMPLE.org/health", "monitoring_interval": 10})
    assert response.status_code == 200
    assert seed_fields(response.json()) == {
        "website_id": website.pk,
        "website_url": URL,
        "monitoring_interval": 10,
        "regex": "ok",
        "is_active": False,
    }


@pytest.mark.parametrize("path", ["/websites", "/websites/"])
def test_a_website_named_by_id_may_get_another_url(editor: APIClient, path: str) -> None:
    website = add()
    response = editor.put(path, {"website_id": website.pk, "website_url": "http://new.example"}, format="json")
    assert response.status_code == 200
    website.refresh_from_db()
    assert website.website_url == "http://new.example/"
    assert website.monitoring_interval == 60


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_website_is_changed_by_its_path(editor: APIClient, method: str, slash: str) -> None:
    website = add(regex="ok")
    change = {"website_url": "http://new.example", "regex": ""}
    response = getattr(editor, method)(f"/websites/{website.pk}{slash}", change, format="json")
    assert response.status_code == 200
    website.refresh_from_db()
    assert (website.website_url, website.regex) == ("http://new.example/", None)


def test_what_was_answered_can_be_sent_back(editor: APIClient) -> None:
    website = add(regex="ok")
    answer = editor.get(f"/websites/{website.pk}").json()
    response = editor.put(f"/websites/{website.pk}", answer, format="json")
    assert response.status_code == 200
    assert response.json() == answer
    assert editor.put("/websites", answer, format="json").json() == answer


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, 400, "website_url"),
        ({"monitoring_interval": 10}, 400, "website_url"),
        ({"website_id": "abc"}, 400, "website_id"),
        ({"website_id": "\u0665"}, 400, "website_id"),
        ({"website_id": None}, 400, "website_id"),
        ({"website_id": -1}, 400, "website_id"),
        ({"website_url": "nonsense"}, 400, "website_url"),
        ({"website_id": 10**18}, 404, "detail"),
        ({"website_id": 10**400}, 404, "detail"),
        ({"website_url": "http://nowhere.example"}, 404, "detail"),
    ],
)
def test_a_change_of_no_website_is_refused(editor: APIClient, body: dict[str, Any], code: int, field: str) -> None:
    response = editor.put("/websites", json.dumps(body), content_type="application/json")
    assert response.status_code == code
    assert field in response.json()


def test_a_change_to_a_url_that_another_website_has_is_refused(editor: APIClient) -> None:
    add()
    other = add("http://other.example/")
    response = editor.put("/websites", {"website_id": other.pk, "website_url": URL}, format="json")
    assert response.status_code == 400
    assert response.json() == {"website_url": ["A website with this URL exists already."]}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_website_is_deleted_with_its_periodic_task(editor: APIClient, slash: str) -> None:
    website = add()
    assert editor.delete(f"/websites/{website.pk}{slash}").status_code == 204
    assert not Website.objects.exists()
    assert not PeriodicTask.objects.filter(name=f"website-{website.pk}").exists()


@pytest.mark.parametrize("number", ["0", "7", "99999999999999999999", "9" * 5000])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_website_is_a_sentence(editor: APIClient, number: str, method: str) -> None:
    response = getattr(editor, method)(f"/websites/{number}")
    assert response.status_code == 404
    assert response.json()["detail"].startswith("There is no website with the id")
