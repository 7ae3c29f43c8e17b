"""The pages in a real browser, at desktop and phone width, in light and in dark."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from monitoring.tests.servers import Server, answering, response
from webmonitor.tests.product import PASSWORD, Product, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# Chromium's own errands are no business of the tests.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """A signed-in person with one page, and what went wrong on it."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home
        self.faults: list[str] = []
        page.on("pageerror", self._note_error)
        page.on("console", self._note_message)
        page.on("request", self._note_request)

    def _note_error(self, error: Error) -> None:
        self.faults.append(str(error))

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.faults.append(f"a request to {request.url}")

    def go(self, path: str) -> Page:
        answer = self.page.goto(self.home + path)
        assert answer is not None
        assert answer.status == 200, path
        return self.page

    def sign_in(self) -> None:
        page = self.go("/")
        page.fill("#id_username", "admin")
        page.fill("#id_password", PASSWORD)
        page.click("input[type=submit]")
        page.wait_for_url(f"{self.home}/admin/")


@pytest.fixture
def visitor(product: Product, browser: Browser) -> Iterator[Visitor]:
    with browser.new_context() as context:
        visitor = Visitor(context.new_page(), f"http://127.0.0.1:{product.port}")
        visitor.sign_in()
        yield visitor
        assert visitor.faults == []


@pytest.fixture
def site() -> Iterator[Server]:
    with Server(answering(response(body=b"price: 42"))) as server:
        yield server


def test_a_website_added_in_the_admin_is_seen_up_there(visitor: Visitor, site: Server) -> None:
    page = visitor.go("/admin/websites/website/add/")
    page.fill("#id_website_url", site.url("/admin-added"))
    page.fill("#id_monitoring_interval", "60")
    page.fill("#id_regex", r"price: (\d+)")
    page.click("input[name=_continue]")
    wait_for(lambda: page.reload() and "42" in page.locator("[aria-labelledby=latest-checks]").inner_text().split(), 15)
    visitor.go("/admin/websites/website/?q=admin-added")
    expect(page.locator("#result_list .field-state")).to_contain_text("up")
    expect(page.locator("#result_list .field-last_answer")).to_have_text("200")


def test_check_now_on_a_websites_page_checks_it(visitor: Visitor, site: Server, product: Product) -> None:
    url = site.url("/check-now")
    website = product.request("POST", "/websites", data={"website_url": url, "monitoring_interval": 300}).json()
    wait_for(lambda: len(product.rows(url)) == 1, 10)
    page = visitor.go(f"/admin/websites/website/{website['website_id']}/change/")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator(".messagelist")).to_contain_text("1 website will be checked at once.")
    wait_for(lambda: len(product.rows(url)) == 2, 10)


def test_a_mistake_in_the_form_is_told_beside_the_field_and_nothing_is_lost(visitor: Visitor) -> None:
    page = visitor.go("/admin/websites/website/add/")
    page.fill("#id_website_url", "http://127.0.0.1/kept")
    page.fill("#id_monitoring_interval", "60")
    page.fill("#id_regex", "(unclosed")
    page.click("input[name=_save]")
    expect(page.locator(".field-regex .errorlist")).to_contain_text("missing )")
    expect(page.locator("#id_website_url")).to_have_value("http://127.0.0.1/kept")


def test_a_website_is_added_with_the_form_of_the_browsable_api(visitor: Visitor, site: Server) -> None:
    page = visitor.go("/websites")
    form = page.locator("form[enctype='multipart/form-data']").first
    form.locator("[name=website_url]").fill(site.url("/browsable"))
    form.locator("[name=monitoring_interval]").fill("30")
    form.get_by_role("button", name="POST").click()
    expect(page.locator(".response-info")).to_contain_text("201 Created")
    expect(page.locator(".response-info")).to_contain_text('"is_active": true')


def test_the_documentation_is_drawn_without_leaving_the_machine(visitor: Visitor) -> None:
    page = visitor.go("/docs")
    expect(page.get_by_role("link", name="/websites/{website_id}/check")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(product: Product, browser: Browser, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        visitor = Visitor(context.new_page(), f"http://127.0.0.1:{product.port}")
        visitor.sign_in()
        for path in (
            "/admin/",
            "/admin/websites/website/",
            "/admin/websites/website/1/change/",
            "/admin/monitoring/monitoringdata/",
            "/admin/monitoring/incident/",
            "/admin/monitoring/channel/add/",
            "/admin/monitoring/delivery/",
            "/admin/monitoring/maintenancewindow/add/",
            "/admin/django_celery_beat/periodictask/",
            "/websites",
            "/websites/1",
            "/monitoring",
            "/incidents",
            "/channels",
            "/tokens",
            "/docs",
        ):
            page = visitor.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert visitor.faults == []
