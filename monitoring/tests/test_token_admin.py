import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from monitoring.tests.admin_pages import act, page

pytestmark = pytest.mark.django_db


def test_tokens_can_be_taken_away_but_not_made_or_read(admin_client: Client, admin_user: User) -> None:
    token, secret = AuthToken.objects.create(admin_user)
    tokens = reverse("admin:knox_authtoken_changelist")
    content = page(admin_client, tokens)
    assert token.token_key in content
    assert secret not in content
    assert admin_client.get(reverse("admin:knox_authtoken_add")).status_code == 403
    act(admin_client, tokens, "delete_selected", token, post="yes")
    assert not AuthToken.objects.exists()
