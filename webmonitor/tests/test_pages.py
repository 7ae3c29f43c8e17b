"""The pages in a real browser, at desktop and phone width, in light and in dark."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from monitoring.tests.servers import Server, answering, response
from webmonitor.tests.product import PASSWORD, Product, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.once, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

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
        page.wait_for_url(f"{self.home}/")


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
    # The click only begins to lead there.
    page.wait_for_url("**/change/")
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


@pytest.fixture
def watched(product: Product) -> Iterator[tuple[Server, str]]:
    """A website that is watched every five seconds, and the selector of its row of the overview."""
    with Server(answering(response())) as server:
        body = {"website_url": server.url("/watched"), "monitoring_interval": 5}
        website_id = product.request("POST", "/websites", data=body).json()["website_id"]
        yield server, f"#website-{website_id}"
        product.request("DELETE", f"/websites/{website_id}")


def test_the_overview_shows_how_a_website_goes_down_and_loses_no_ones_place(
    visitor: Visitor, watched: tuple[Server, str]
) -> None:
    server, selector = watched
    page = visitor.go("/?search=watched")
    row = page.locator(selector)
    expect(row).to_have_attribute("data-state", "up", timeout=20_000)
    row.get_by_role("link").focus()
    page.evaluate("document.getSelection().selectAllChildren(document.activeElement)")
    page.evaluate("document.body.dataset.seen = 'before'")
    server.script = answering(response("503 Service Unavailable"))
    expect(row).to_have_attribute("data-state", "down", timeout=30_000)
    expect(row.locator(".wm-state")).to_contain_text("down")
    expect(page.locator("[data-live-said]")).to_contain_text("/watched is down")
    expect(page.locator(".wm-incidents")).to_contain_text("status 503")
    expect(page).to_have_title("(1 down) Overview | webmonitor")
    # It is the same page, and in it the same link has the focus and is selected.
    assert page.evaluate("document.body.dataset.seen") == "before"
    assert row.get_by_role("link").evaluate("link => link === document.activeElement")
    assert page.evaluate("document.getSelection().toString()").endswith("/watched")


def test_the_overview_says_when_the_monitor_does_not_answer_and_when_it_does_again(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    visitor.go("/")
    lost = page.locator("[data-live-lost]")
    page.route("**/?fragment*", lambda route: route.abort())
    page.clock.run_for(6_000)
    expect(lost).to_contain_text("The monitor does not answer.")
    page.unroute("**/?fragment*")
    page.clock.run_for(6_000)
    expect(lost).to_be_hidden()
    expect(page.locator("[data-live-said]")).to_have_text("The monitor answers again.")
    # What browsers say of the request that was broken off.
    assert all("ERR_FAILED" in fault for fault in visitor.faults)
    visitor.faults.clear()


def test_the_overview_says_when_one_is_signed_out(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    visitor.go("/")
    page.context.clear_cookies()
    page.clock.run_for(6_000)
    expect(page.locator("[data-live-lost]")).to_contain_text("You are signed out.")


def test_a_website_that_leaves_the_list_is_told_and_passes_the_focus_on(
    visitor: Visitor, watched: tuple[Server, str]
) -> None:
    server, selector = watched
    server.script = answering(response("503 Service Unavailable"))
    page = visitor.go("/")
    expect(page.locator(selector)).to_have_attribute("data-state", "down", timeout=30_000)
    page = visitor.go("/?state=down")
    page.locator(selector).get_by_role("link").focus()
    others = page.locator("[data-state]").count() - 1
    server.script = answering(response())
    expect(page.locator(selector)).to_have_count(0, timeout=30_000)
    expect(page.locator("[data-live-said]")).to_contain_text("/watched is no longer down")
    if others:
        assert page.evaluate("!!document.activeElement.closest('[data-state]')")


def test_a_page_that_shows_a_problem_asks_for_nothing_more(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    page.goto(f"{visitor.home}/?page=abc")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "fragment" in request.url else None)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(20_000)
    assert asked == []
    expect(page.locator("[data-live-lost]")).to_be_hidden()
    # What browsers say of the page itself.
    assert all("400" in fault for fault in visitor.faults)
    visitor.faults.clear()


def test_long_tags_make_no_page_wider(product: Product, browser: Browser, watched: tuple[Server, str]) -> None:
    _, selector = watched
    website_id = selector.rpartition("-")[2]
    product.request("PATCH", f"/websites/{website_id}", data={"tags": "w" * 50})
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        visitor = Visitor(context.new_page(), f"http://127.0.0.1:{product.port}")
        visitor.sign_in()
        for path in ("/?search=watched", f"/sites/{website_id}"):
            page = visitor.go(path)
            expect(page.locator(".wm-tag").first).to_contain_text("www")
            # The list of tags is kept for a while.
            page.evaluate("document.querySelector('select')?.add(new Option('w'.repeat(50)))")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_updates_of_the_overview_are_paused_and_go_on(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    visitor.go("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "fragment" in request.url else None)
    page.get_by_role("button", name="Pause updates").click()
    page.clock.run_for(20_000)
    assert asked == []
    with page.expect_request("**/?fragment*"):
        page.get_by_role("button", name="Go on").click()
        page.clock.run_for(1_000)
    expect(page.locator("[data-live-time]")).to_contain_text("Updated")


def test_the_overview_works_without_scripts(product: Product, browser: Browser, watched: tuple[Server, str]) -> None:
    _, selector = watched
    with browser.new_context(java_script_enabled=False) as context:
        visitor = Visitor(context.new_page(), f"http://127.0.0.1:{product.port}")
        visitor.sign_in()
        page = visitor.go("/")
        page.fill("[name=search]", "/watched")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(selector)).to_be_visible()
        expect(page.get_by_role("button", name="Pause updates")).to_be_hidden()
        page.get_by_role("link", name="paused").click()
        expect(page.locator(".wm-empty")).to_contain_text("No website is found.")
        assert visitor.faults == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(product: Product, browser: Browser, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        visitor = Visitor(context.new_page(), f"http://127.0.0.1:{product.port}")
        visitor.sign_in()
        for path in (
            "/",
            "/?search=nowhere",
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
