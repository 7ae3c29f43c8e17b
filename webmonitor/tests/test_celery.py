"""What the project has Celery do otherwise."""

from typing import Any

import pytest
from celery import current_app as app
from django.conf import settings


@pytest.mark.usefixtures("broker_url")
@pytest.mark.skipif(settings.EMBEDDED_BROKER, reason="there is no connection that could be lost")
def test_a_channel_whose_connection_is_given_up_closes_with_messages_in_hand() -> None:
    connection: Any = app.connection_for_read()
    with app.connection_for_write() as other:
        queue: Any = other.SimpleQueue("in-hand")
        queue.put("hello")
        taken = connection.SimpleQueue("in-hand").get(timeout=5)
        channel = taken.channel
        assert channel.qos._delivered
        connection.transport.client = None
        channel.close()
        queue.clear()
        queue.close()
