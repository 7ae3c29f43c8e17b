import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django_celery_beat.models import PeriodicTask
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from websites.api.serializers import WebsiteSerializer
from websites.models import Website
from websites.tests.people import signed_in

pytestmark = pytest.mark.django_db

URL = "https://example.org/health"


@pytest.fixture
def editor() -> APIClient:
    return signed_in("editor")


def add(url: str = URL, **fields: Any) -> Website:
    return Website.objects.create(**{"website_url": url, "monitoring_interval": 60, **fields})


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


def test_a_form_says_no_by_saying_so(editor: APIClient) -> None:
    form = "website_url=http://example.org&monitoring_interval=60&regex=&is_active=false"
    response = editor.post("/websites", form, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 201
    assert response.json()["is_active"] is False
    assert response.json()["regex"] is None


@pytest.mark.parametrize(
    ("form", "regex"),
    [
        (r'website_url=http://a.example/&monitoring_interval=5&regex="status": *"(\w+)"', r'"status": *"(\w+)"'),
        ("website_url=http%3A%2F%2Fa.example%2F&monitoring_interval=5&regex=a+b%2B", "a b+"),
        ("website_url=http%3A%2F%2Fa.example%2F&monitoring_interval=5&regex=%28%5Cw%2B%29", r"(\w+)"),
    ],
)
def test_a_plus_in_a_form_written_by_hand_is_a_plus(editor: APIClient, form: str, regex: str) -> None:
    response = editor.post("/websites", form, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 201
    assert response.json()["regex"] == regex


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"monitoring_interval": 4}, "monitoring_interval", "greater than or equal to 5"),
    ({"monitoring_interval": 301}, "monitoring_interval", "less than or equal to 300"),
    ({"monitoring_interval": -1}, "monitoring_interval", "greater than"),
    ({"monitoring_interval": 10**400}, "monitoring_interval", "less than"),
    ({"monitoring_interval": "abc"}, "monitoring_interval", "valid integer"),
    ({"monitoring_interval": 5.5}, "monitoring_interval", "valid integer"),
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


@pytest.fixture
def four_websites() -> list[Website]:
    return [
        add("http://a.example/shop", monitoring_interval=5),
        add("http://b.example/", monitoring_interval=60),
        add("http://c.example/SHOP", monitoring_interval=60, is_active=False),
        add("http://d.example/100%25", monitoring_interval=300),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abcd"),
        ("search=shop", "ac"),
        ("search=%25", "d"),
        ("search=_", ""),
        ("is_active=true", "abd"),
        ("is_active=0", "c"),
        ("monitoring_interval=60", "bc"),
        ("monitoring_interval_min=60", "bcd"),
        ("monitoring_interval_max=60", "abc"),
        ("monitoring_interval_min=6&monitoring_interval_max=299&is_active=", "bc"),
        ("monitoring_interval=99999999999999999999", ""),
        ("ordering=-website_url", "dcba"),
        ("ordering=-monitoring_interval,website_url", "dbca"),
        ("page_size=3", "abc"),
        ("page_size=3&page=2", "d"),
    ],
)
@pytest.mark.parametrize("path", ["/websites", "/websites/"])
def test_the_list_is_filtered_ordered_and_paged(
    editor: APIClient, four_websites: list[Website], path: str, query: str, found: str
) -> None:
    response = editor.get(f"{path}?{query}")
    assert response.status_code == 200
    assert "".join(website["website_url"][7] for website in response.json()["results"]) == found


def test_a_page_tells_where_the_others_are(editor: APIClient, four_websites: list[Website]) -> None:
    first = editor.get("/websites?page_size=2").json()
    assert (first["count"], first["previous"]) == (4, None)
    second = editor.get(first["next"]).json()
    assert second["next"] is None
    assert editor.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("page_size=0", 400, "page_size"),
        ("page_size=1001", 400, "page_size"),
        ("page_size=-5", 400, "page_size"),
        ("page_size=abc", 400, "page_size"),
        ("page_size=" + "9" * 5000, 400, "page_size"),
        ("page=0", 404, "detail"),
        ("page=abc", 404, "detail"),
        ("page=99", 404, "detail"),
        ("page=" + "9" * 5000, 404, "detail"),
        ("is_active=perhaps", 400, "is_active"),
        ("monitoring_interval=abc", 400, "monitoring_interval"),
        ("monitoring_interval=1e3", 400, "monitoring_interval"),
        ("monitoring_interval=" + "9" * 5000, 400, "monitoring_interval"),
        ("ordering=regex", 400, "ordering"),
        ("ordering=website_id,password", 400, "ordering"),
        ("search=%00", 400, ""),
        ("state=%00", 400, "state"),
        ("state=broken", 400, "state"),
        ("intervall=5", 400, "intervall"),
        ("%00=5", 400, "\\x00"),
        ("%ff%fe=5", 400, ""),
    ],
)
def test_a_query_that_means_nothing_is_refused(editor: APIClient, query: str, code: int, field: str) -> None:
    response = editor.get(f"/websites?{query}")
    assert response.status_code == code
    assert not field or field in response.json()


def test_a_mistyped_parameter_gets_a_hint(editor: APIClient) -> None:
    response = editor.get("/websites?monitoring_intervall=5")
    assert response.json() == {
        "monitoring_intervall": ['There is no such parameter. Did you mean "monitoring_interval"?']
    }


@pytest.mark.parametrize("path", ["/website", "/website/"])
def test_websites_are_found_by_a_keyword_in_their_url(
    editor: APIClient, four_websites: list[Website], path: str
) -> None:
    body = editor.get(f"{path}?keyword=shop").json()
    assert [website["website_url"] for website in body["results"]] == ["http://a.example/shop", "http://c.example/SHOP"]
    assert body["count"] == 2
    assert editor.get(f"{path}?keyword=nothing").json()["results"] == []


@pytest.mark.parametrize("query", ["", "?keyword=", "?keyword=%20", "?keyword=%00"])
def test_a_keyword_is_required(editor: APIClient, query: str) -> None:
    response = editor.get(f"/website{query}")
    assert response.status_code == 400
    assert "keyword" in response.json()


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"website_url": ', 400, "JSON parse error"),
        (b"\xff\xfe\x00", 400, "JSON parse error"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[" * 200 + b"]" * 200, 400, "nested too deeply"),
        (b'{"website_url": ' + b"[" * 900 + b"]" * 900 + b"}", 400, "nested too deeply"),
        (b'{"website_url": "' + b"a" * 1_000_000 + b'"}', 413, "larger than 256 kB"),
        (b"[1, 2]", 400, "Expected a dictionary"),
        (b'"text"', 400, "Expected a dictionary"),
        (b"null", 400, ""),
        (b"5", 400, ""),
        (b"", 400, "required"),
        (b'{"monitoring_interval": ' + b"9" * 5000 + b"}", 400, "JSON parse error"),
        (b'{"monitoring_interval": NaN}', 400, "JSON parse error"),
        (b'{"monitoring_interval": 1e999}', 400, "valid integer"),
    ],
)
@pytest.mark.parametrize("method", ["post", "put"])
def test_a_body_that_is_no_website_is_refused(
    editor: APIClient, method: str, body: bytes, code: int, message: str
) -> None:
    response = getattr(editor, method)("/websites", body, content_type="application/json")
    assert response.status_code == code
    if method == "post":
        assert message in response.content.decode()
    assert not Website.objects.exists()


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/x-www-form-urlencoded", b"website_url=" + b"a" * 300_000, 413),
        ("application/x-www-form-urlencoded", b"a&" * 2000, 400),
        ("application/x-www-form-urlencoded", b"website_url=%ff%00%ed%a0%80", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data", b"--x", 400),
        ("multipart/form-data; boundary=x", b"a" * 300_000, 413),
        ("text/plain", b"hello", 415),
        ("application/json; charset=nonsense", b"{}", 400),
        ("application/json; charset=rot13", b"{}", 400),
        ("", b"{}", 415),
    ],
)
def test_a_body_of_another_kind_is_refused(editor: APIClient, content_type: str, body: bytes, code: int) -> None:
    response = editor.generic("POST", "/websites", body, content_type=content_type)  # type: ignore[arg-type]
    assert response.status_code == code
    assert "detail" in response.json() or code == 400


def test_an_uploaded_file_is_no_url(editor: APIClient) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="website_url"; filename="u"\r\n\r\nhttp://a.example\r\n--x--\r\n'
    )
    response = editor.generic("POST", "/websites", body, content_type="multipart/form-data; boundary=x")  # type: ignore[arg-type]
    assert response.status_code == 400
    assert response.json()["website_url"] == ["Not a valid string."]


def test_text_is_answered_inert_and_unchanged(editor: APIClient) -> None:
    pattern = "<script>\u202e\x1b[31m\u009b{{ 7*7 }}\u2028é"
    website = add(regex=pattern)
    response = editor.get(f"/websites/{website.pk}")
    assert response.json()["regex"] == pattern
    raw = response.content.decode()
    assert not {"\u202e", "\x1b", "\u009b", "\u2028"} & set(raw)
    assert "é" in raw


def test_the_browsable_form_offers_every_field_and_escapes_what_it_shows() -> None:
    client = APIClient()
    client.force_login(User.objects.create_superuser("root"))
    website = add("http://example.org/?<script>alert(1)</script>", regex="<b>{{ 7*7 }}", is_active=False)
    for path in ("/websites", f"/websites/{website.pk}"):
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        html = page.content.decode()
        assert 'select class="form-control" name="is_active"' in html
        assert "<script>alert" not in html
        assert "<b>{{" not in html
    assert '<option value="false" selected>' in html
    assert 'id="put-object-form"' in html


def test_the_browsable_list_has_no_form_that_would_empty_what_it_does_not_show(editor: APIClient) -> None:
    html = editor.get("/websites", headers={"Accept": "text/html"}).content.decode()
    assert 'id="post-object-form"' in html
    assert 'id="put-object-form"' not in html
    assert 'data-method="PUT"' in html
