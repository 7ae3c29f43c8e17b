"""Lists of the admin are searched for as many words as a database bears."""

import pytest
from django.urls import reverse

from monitoring.tests.admin_pages import staff_client

LISTS = (
    "websites_website",
    "monitoring_incident",
    "monitoring_shownwebsite",
    "django_celery_beat_periodictask",
    "auth_user",
    "auth_group",
    "knox_authtoken",
)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.django_db
def test_too_many_words_are_answered_with_a_sentence(name: str) -> None:
    client = staff_client("admin")
    address = reverse(f"admin:{name}_changelist")
    said = client.get(address, {"q": "a " * 1024})
    assert said.status_code == 200
    assert "These are 1024 words: search for at most 50" in said.content.decode()
    assert client.get(address, {"q": ", " * 1500}).status_code == 200
    assert "These are" not in client.get(address, {"q": "a " * 50}).content.decode()
