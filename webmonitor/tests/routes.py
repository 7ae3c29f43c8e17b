"""Every address that the URL map answers, found by walking it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

# What stands in for a parameter, by its name; anything else gets a "1".
SAMPLES = {"app_label": "auth", "key": "wm_0123456789ab", "url": "x", "badge": "state"}


@dataclass(frozen=True)
class Route:
    path: str
    # As `reverse` knows it; the dotted path of the view where it has none.
    name: str
    view: Any

    @property
    def is_api(self) -> bool:
        return hasattr(self.view, "cls")


def every_route() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "/", ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str, namespace: str) -> Iterator[Route]:
    for entry in patterns:
        path = prefix + _filled(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, path, f"{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield Route(path, namespace + (entry.name or entry.lookup_str), entry.callback)


def _filled(pattern: Any) -> str:
    if isinstance(pattern, RoutePattern):
        template, names = str(pattern), list(pattern.converters)
        for name in names:
            before, _, rest = template.partition("<")
            template = before + SAMPLES.get(name, "1") + rest.partition(">")[2]
        return template
    assert isinstance(pattern, RegexPattern)
    template, names = normalize(str(pattern))[0]
    return template % {name: SAMPLES.get(name, "1") for name in names}
