"""Two connections at once, where people and their tokens come and go (see `websites.locks`)."""

import pytest
from django.db import transaction
from knox.models import AuthToken
from rest_framework.test import APIClient

from monitoring.models import Incident
from monitoring.tests.elsewhere import Elsewhere, postgresql_only
from monitoring.tests.outages import incident
from webmonitor.middleware import AnswerForDatabase
from webmonitor.tokens import TOKENS_CAP
from websites.tests.people import person, token_for, with_token
from websites.tests.websites import add

pytestmark = [pytest.mark.django_db(transaction=True), postgresql_only]


def test_who_is_deleted_just_now_is_answered_with_a_sentence() -> None:
    """No view is ready for that."""
    user, pk = person("editor"), incident(add()).pk
    client = with_token(token_for(user))
    with transaction.atomic():
        user.delete()
        other = Elsewhere(lambda: client.post(f"/incidents/{pk}/acknowledge"))
    answer = other.answer()
    assert (answer.status_code, answer.json()["detail"]) == (409, AnswerForDatabase.overtaken)
    assert Incident.objects.get().acknowledged_at is None


def test_two_tokens_at_once_are_not_more_than_there_may_be() -> None:
    user = person("viewer")
    user.set_password("a password of the test")
    user.save()
    for _ in range(TOKENS_CAP - 1):
        token_for(user)

    # Signing in changes the user too.
    first, second = APIClient(), APIClient()
    for client in (first, second):
        client.force_login(user)
    with transaction.atomic():
        assert first.post("/tokens").status_code == 201
        other = Elsewhere(lambda: second.post("/tokens"))
    assert other.answer().status_code == 400
    assert AuthToken.objects.filter(user=user).count() == TOKENS_CAP
