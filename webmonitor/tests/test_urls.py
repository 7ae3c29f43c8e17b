import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("monitor.example.org", "add monitor.example.org to ALLOWED_HOSTS"),
        ("monitor.example.org:8080", "add monitor.example.org to ALLOWED_HOSTS"),
        ("[2001:db8::1]:8080", "add [2001:db8::1] to ALLOWED_HOSTS"),
        ("<script>alert(1)</script>", "does not answer to this host name: <script>"),
        ("a\x1b[31m\u202eb", "a\\x1b[31m"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/websites", "/admin/"])
def test_a_host_that_is_not_allowed_is_told_what_to_do(host: str, shown: str, path: str) -> None:
    response = Client().get(path, headers={"Host": host})
    assert response.status_code == 400
    text = response.content.decode()
    assert shown in text
    assert not {"\x1b", "\u202e"} & set(text)
    # As plain text that browsers do not guess about, markup is only text.
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_form_that_is_too_large_is_a_plain_refusal() -> None:
    body = {"username": "x" * 3_000_000, "password": "x"}
    response = Client().post("/admin/login/", body)
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" not in response.content.decode()


@pytest.mark.parametrize("path", ["/nothing", "/websites/abc", "/websites/1/bogus", "/static/nothing", "/%1b%3Cb%3E"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_an_address_that_leads_nowhere_is_answered_with_a_sentence(path: str, accept: str) -> None:
    for response in (Client().get(path, headers={"Accept": accept}), Client().post(path)):
        assert response.status_code == 404
        assert response["Content-Type"] == "application/json"
        assert response.json() == {"detail": "There is nothing at this address."}


@pytest.mark.parametrize("path", ["/sites", "/sites/abc", "/sites/1/bogus", "/status/bogus"])
def test_where_people_look_it_is_a_page_for_them_and_a_sentence_for_programs(path: str) -> None:
    page = Client().get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing at this address." in page.content.decode()
    answer = Client().get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is nothing at this address."})


def test_in_the_admin_it_is_answered_with_a_page(admin_client: Client) -> None:
    response = admin_client.get("/admin/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_documentation_is_a_page_and_takes_no_other_method(path: str) -> None:
    for method in ("OPTIONS", "POST", "PUT", "DELETE"):
        response = Client().generic(method, path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
