"""What all of the admin's pages have in common."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from monitoring.models import CheckError
from monitoring.tests.admin_pages import DATA, WEBSITES, change_url, check, page, website

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>{{ 7*7 }}\x1b[31m\u202egnp.exe"
INERT = escape("<script>alert(1)</script>{{ 7*7 }}\\x1b[31m\\u202egnp.exe")


def test_hostile_text_is_inert_everywhere(admin_client: Client) -> None:
    one = website(0, website_url="https://example.org/?q=<script>alert(1)</script>", regex="\u202egnp.exe")
    row = check(one, 0, error=CheckError.TLS, error_detail=HOSTILE, regex_response=json.dumps([HOSTILE]))
    pair = check(one, 1, regex_response=json.dumps([["a", HOSTILE]]))
    check(one, 2, regex_response=HOSTILE)

    pages = [WEBSITES, change_url(one), DATA, change_url(row), change_url(pair)]
    for url in pages:
        content = page(admin_client, url)
        assert "<script>alert" not in content
        assert "\x1b" not in content
    for url in pages[2:]:
        content = page(admin_client, url)
        assert INERT in content
        assert "\u202e" not in content
    assert "spelled out: \\u202egnp.exe" in page(admin_client, change_url(one))


def test_every_page_in_the_index_opens(admin_client: Client) -> None:
    check(website(0))
    index = admin_client.get(reverse("admin:index"))
    assert "<title>Websites, checks and people | webmonitor</title>" in index.content.decode()
    names = [app["app_label"] for app in index.context["app_list"]]
    assert names[:3] == ["websites", "monitoring", "django_celery_beat"]
    for app in index.context["app_list"]:
        for model in app["models"]:
            page(admin_client, model["admin_url"])
            if model["add_url"]:
                page(admin_client, model["add_url"])
