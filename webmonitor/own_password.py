"""The page at which people change their own password."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse_lazy


class ChangePasswordForm(PasswordChangeForm):
    """Asks for the old password as for a sign-in: wrong ones are counted with those."""

    request: HttpRequest

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=old) is None:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old


class ChangePasswordView(PasswordChangeView):
    template_name = "monitoring/password.html"
    title = "Change your password"
    success_url = reverse_lazy("password-changed")
    form_class = ChangePasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        assert isinstance(form, ChangePasswordForm)  # noqa: S101  # the only one there is
        form.request = self.request
        return form
