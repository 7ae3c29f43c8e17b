import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import monitoring.models.status_page


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0009_partitions"),
        ("websites", "0003_alert_options"),
    ]

    operations = [
        migrations.AddField(
            model_name="maintenancewindow",
            name="public_note",
            field=models.CharField(
                blank=True,
                default="",
                help_text="What the status page says of it, beside its times and websites; it does not show the name.",
                max_length=500,
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["-ended_at"], name="monitoring_incident_ended"),
        ),
        migrations.CreateModel(
            name="StatusPage",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                (
                    "is_public",
                    models.BooleanField(
                        default=False,
                        help_text="Everybody who can reach the monitor then sees the page at /status, without signing in.",
                        verbose_name="switched on",
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        default="Status", max_length=100, validators=[monitoring.models.status_page.check_name]
                    ),
                ),
                (
                    "introduction",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Plain text above everything else, such as whom to ask. An empty line begins a new paragraph.",
                        max_length=2000,
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        default=90,
                        help_text="Of each website, 7 to 90.",
                        validators=[
                            django.core.validators.MinValueValidator(7),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="days shown",
                    ),
                ),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "status page",
                "verbose_name_plural": "status page",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="monitoring_status_page_only")
                ],
            },
        ),
        migrations.CreateModel(
            name="StatusGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        error_messages={"unique": "A group with this name exists already."},
                        max_length=100,
                        unique=True,
                        validators=[monitoring.models.status_page.check_name],
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="Lower ones come first.")),
                (
                    "page",
                    models.ForeignKey(
                        default=1,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="groups",
                        to="monitoring.statuspage",
                    ),
                ),
            ],
            options={
                "verbose_name": "group",
                "ordering": ("position", "pk"),
            },
        ),
        migrations.CreateModel(
            name="ShownWebsite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        max_length=100, validators=[monitoring.models.status_page.check_name], verbose_name="shown name"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="Lower ones come first.")),
                (
                    "show_url",
                    models.BooleanField(
                        default=False, help_text="All of it, with what follows the ? as well.", verbose_name="show URL"
                    ),
                ),
                (
                    "website",
                    models.OneToOneField(
                        error_messages={"unique": "This website is on the status page already."},
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shown",
                        to="websites.website",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="websites",
                        to="monitoring.statusgroup",
                    ),
                ),
                (
                    "page",
                    models.ForeignKey(
                        default=1,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="websites",
                        to="monitoring.statuspage",
                    ),
                ),
            ],
            options={
                "verbose_name": "shown website",
                "ordering": ("position", "pk"),
            },
        ),
    ]
