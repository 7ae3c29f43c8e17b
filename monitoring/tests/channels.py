"""Channels as tests put them there."""

from typing import Any

from monitoring.models import Channel, ChannelKind
from websites.encryption import encrypt

SECRET = "a secret of the test"


def add_channel(name: str = "people", target: str = "http://127.0.0.1:9/", **fields: Any) -> Channel:
    return Channel.objects.create(
        **{
            "name": name,
            "kind": ChannelKind.WEBHOOK,
            "target": encrypt(target),
            "secret": encrypt(SECRET),
            **fields,
        }
    )
