"""What chats make of a text besides showing it: they call people, and hide where a link leads.

The words of a website, or of its errors, are to do neither. A space takes the effect away everywhere, and can be seen.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apprise import NotifyBase

# Each is split after its first character, or before its last.
ACTIVE = re.compile(
    "|".join(
        (
            # @everyone, @here, @room, @all, @name, @**name**, @[name], and the handles of social networks
            r"(?<=@)(?=[^\s.,;:)])",
            # <@id>, <!channel>, <#channel>, <users/all>, <at id="all">, <https://a.example|words>
            r"(?<=<)(?=[@!#&]|users/|at\b|https?:|mailto:)",
            # KMarkdown: (met)all(met), (rol)1(rol)
            r"(?<=\()(?=(?:met|rol|chn)\))",
            # [CQ:at,qq=all]
            r"(?<=\[)(?=CQ:)",
            # Markdown: [words](https://a.example)
            r"(?<=\])(?=[(\[])",
        )
    ),
    re.IGNORECASE,
)

URL = re.compile(r"https?://\S+", re.IGNORECASE)


def harmless(text: str) -> str:
    """The text, in which nobody is called and every link is what it says."""
    # In a URL, the same in other letters still leads there.
    return ACTIVE.sub(" ", URL.sub(lambda url: url[0].replace("@", "%40"), text))


def mention_none(service: "NotifyBase") -> None:
    """Forbid Discord, and what is like it, to call anybody but whom the channel's URL names (`ping=`).

    https://docs.discord.com/developers/resources/message#allowed-mentions-object
    """
    plugin: Any = service
    if not hasattr(plugin, "ping_payload"):
        return
    send = plugin._send

    def quiet(payload: dict[str, Any], *arguments: Any, **options: Any) -> bool:
        # Apprise has another name for it, of which Discord takes no notice, and another word for everyone.
        named = payload.pop("allow_mentions", {})
        allowed = {"parse": ["everyone"] if named.get("parse") else []}
        allowed |= {kind: named[kind] for kind in ("users", "roles") if named.get(kind)}
        return bool(send(payload | {"allowed_mentions": allowed}, *arguments, **options))

    plugin._send = quiet
