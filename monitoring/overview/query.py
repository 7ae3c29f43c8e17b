"""What the overview is asked to show: the parameters of its address."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms

from monitoring.models import State
from websites import search as search_words
from websites.api.filters import TagField, WholeNumberField
from websites.api.parameters import refusals
from websites.plain_text import inert
from websites.validators import URL_MAX_LENGTH

# Asks for what changes of the page, without what is around it.
FRAGMENT = "fragment"
TEXT_SHOWN = 100


class StateField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(required=False, choices=State.choices)

    def validate(self, value: Any) -> None:
        if value and not self.valid_value(value):
            shown, states = inert(value)[:TEXT_SHOWN], ", ".join(State.values)
            raise forms.ValidationError(f'There is no state "{shown}". There are {states}.', code="invalid")


class Query(forms.Form):
    """Parameters as people wrote them; `problems` says in sentences what is wrong with them."""

    search = forms.CharField(required=False, max_length=URL_MAX_LENGTH, validators=[search_words.check])
    state = StateField()
    tag = TagField(required=False)
    page = WholeNumberField(
        required=False,
        min_value=1,
        error_messages={"invalid": "A page is a number from 1 on.", "min_value": "A page is a number from 1 on."},
    )

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with the parameter's name; empty where all is well."""
        unknown = refusals(self.data.keys(), [*self.fields, FRAGMENT], "parameter")
        wrong = {name: list(map(str, self.errors[name])) for name in self.errors}
        return [f"{name}: {sentence}" for name, told in (wrong | unknown).items() for sentence in told]

    @property
    def asked(self) -> dict[str, Any]:
        """The values of the parameters, without those that are not given."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.asked.keys() - {"page"})

    def address(self, **changes: Any) -> str:
        """That of the page with some parameters changed (None: without them): its first one, unless `page` is named."""
        asked: Mapping[str, Any] = {**self.asked, "page": None, **changes}
        given = {name: value for name, value in asked.items() if value is not None and (name, value) != ("page", 1)}
        return f"?{urlencode(given)}" if given else "?"
