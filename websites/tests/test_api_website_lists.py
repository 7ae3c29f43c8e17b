import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from websites.models import Website
from websites.tests.people import signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db


@pytest.fixture
def four_websites() -> list[Website]:
    return [
        add("http://a.example/shop", monitoring_interval=5, tags="prod,my shop"),
        add("http://b.example/", monitoring_interval=60, tags="shop,prod"),
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
        ("tag=prod", "ab"),
        ("tag=%20SHOP%20", "b"),
        ("tag=my+shop", "a"),
        ("tag=pro", ""),
        ("tag=%25", ""),
        ("tag=", "abcd"),
        ("tag=prod&monitoring_interval=5", "a"),
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
        ("monitoring_interval=1_0", 400, "monitoring_interval"),
        ("monitoring_interval=\u0665", 400, "monitoring_interval"),
        ("monitoring_interval=" + "9" * 5000, 400, "monitoring_interval"),
        ("ordering=regex", 400, "ordering"),
        ("ordering=website_id,password", 400, "ordering"),
        ("search=%00", 400, "search"),
        pytest.param("search=" + "a+" * 1024, 400, "search", id="words"),
        ("tag=prod,shop", 400, "tag"),
        ("tag=%00", 400, "tag"),
        ("tag=%1B", 400, "tag"),
        ("tag=" + "a" * 51, 400, "tag"),
        ("tags=prod", 400, "tags"),
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


def test_a_keyword_and_a_tag_find_websites_together(editor: APIClient, four_websites: list[Website]) -> None:
    body = editor.get("/website?keyword=shop&tag=prod").json()
    assert [website["website_url"] for website in body["results"]] == ["http://a.example/shop"]


@pytest.mark.parametrize("query", ["", "?keyword=", "?keyword=%20", "?keyword=%00"])
def test_a_keyword_is_required(editor: APIClient, query: str) -> None:
    response = editor.get(f"/website{query}")
    assert response.status_code == 400


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


def fields_of(client: APIClient, path: str) -> dict[str, list[str]]:
    """By method, what OPTIONS says a body may have."""
    response = client.options(path)
    assert response.status_code == 200
    return {method: list(fields) for method, fields in response.json().get("actions", {}).items()}


def test_options_describe_each_body_that_the_caller_may_send(editor: APIClient) -> None:
    website = add()
    lists = fields_of(editor, "/websites")
    assert lists.keys() == {"POST", "PUT"}
    assert editor.options("/websites").json()["actions"]["POST"]["website_id"]["read_only"]
    assert not editor.options("/websites").json()["actions"]["PUT"]["website_id"]["read_only"]
    assert fields_of(editor, f"/websites/{website.pk}").keys() == {"PUT"}
    assert fields_of(editor, "/websites/999999").keys() == set()
    assert fields_of(editor, f"/websites/{website.pk}/check") == {"POST": []}
    assert fields_of(editor, "/tokens") == {"POST": ["expires_in_days"]}
    assert fields_of(signed_in("viewer"), "/websites") == {}
