import json

import pytest
from rest_framework.test import APIClient

from websites.models import Website

pytestmark = pytest.mark.django_db


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
        ("website_url=http://a.example/?a&monitoring_interval=5&regex=a+b", "a b"),
        ("website_url=http%3A%2F%2Fa.example%2F&monitoring_interval=5&regex=[a]+", "[a]+"),
        ("website_url=http%3A%2F%2Fa.example%2F&monitoring_interval=5&regex=%28%5Cw%2B%29", r"(\w+)"),
    ],
)
def test_a_plus_in_a_form_written_by_hand_is_a_plus(editor: APIClient, form: str, regex: str) -> None:
    response = editor.post("/websites", form, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 201
    assert response.json()["regex"] == regex


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"website_url": ', 400, "JSON parse error"),
        (b"\xff\xfe\x00", 400, "JSON parse error"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[" * 200 + b"]" * 200, 400, "nested too deeply"),
        (b'{"website_url": ' + b"[" * 900 + b"]" * 900 + b"}", 400, "nested too deeply"),
        (b'{"website_url": "' + b"a" * 1_000_000 + b'"}', 400, "longer than 2048"),
        (b'{"website_url": "http://a.example/' + b"a" * 1_000_000 + b'"}', 400, "longer than 2048"),
        (b'{"monitoring_interval": "' + b"9" * 1_000_000 + b'"}', 400, "too large"),
        (b'{"regex": "' + b"a" * 1_000_000 + b'"}', 400, "no more than 500 characters"),
        (b'{"' + b"a" * 1_000_000 + b'": 1}', 400, "no such field"),
        (b'{"website_url": "' + b"a" * 2 * 1024 * 1024 + b'"}', 413, "larger than 2 MiB"),
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
        ("application/x-www-form-urlencoded", b"website_url=" + b"a" * 1_000_000, 400),
        ("application/x-www-form-urlencoded", b"website_url=" + b"a" * 2 * 1024 * 1024, 413),
        ("application/x-www-form-urlencoded", b"a&" * 2000, 400),
        ("application/x-www-form-urlencoded", b"website_url=%ff%00%ed%a0%80", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data", b"--x", 400),
        ("multipart/form-data; boundary=x", b"a" * 2 * 1024 * 1024 + b"a", 413),
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


def test_of_very_many_unknown_fields_some_are_named(editor: APIClient) -> None:
    body = json.dumps({f"monitoring_intervall{number}": 1 for number in range(50_000)})
    response = editor.post("/websites", body, content_type="application/json")
    assert response.status_code == 400
    assert 0 < sum("no such field" in messages[0] for messages in response.json().values()) <= 100
