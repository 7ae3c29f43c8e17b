"""What people do with the monitor on their first day, in a real browser and in one go."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from monitoring.tests.servers import Server, answering, response
from webmonitor.tests.product import Product
from webmonitor.tests.test_pages import CHROMIUM, SIZES, Visitor, browser, visitor
from webmonitor.tests.test_status_page_in_browser import choose

__all__ = ["browser", "visitor"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

PATH = "/first-day"
NAME = "Our shop"
# An address that nobody else takes ports of, so that a server finds its port free when it comes back.
HOST = "127.0.0.6"
# Milliseconds. A check comes every five seconds, a second one makes sure, and pages ask every five: thrice that.
PATIENCE = 60_000


def serving(port: int = 0) -> Server:
    return Server(answering(response(body=b"price: 42")), host=HOST, port=port)


def add_in_another_tab(visitor: Visitor, url: str) -> None:
    """With the overview's button, while the overview stays open."""
    with visitor.page.context.expect_page() as opened:
        visitor.page.get_by_role("link", name="Add website").first.click(modifiers=["ControlOrMeta"])
    other = Visitor(opened.value, visitor.home)
    form = other.page
    form.fill("#id_website_url", url)
    form.fill("#id_monitoring_interval", "5")
    form.click("input[name=_save]")
    expect(form.locator(".messagelist")).to_contain_text("was added successfully")
    form.close()
    assert other.faults == []


def keep(page: Page) -> None:
    """Mark a page, so that `is_kept` tells whether it was loaded again since."""
    page.evaluate("window.isKept = true")


def is_kept(page: Page) -> bool:
    return page.evaluate("window.isKept") is True


def expect_state(part: Locator, state: str) -> None:
    expect(part).to_have_attribute("data-state", state, timeout=PATIENCE)
    expect(part.locator(".wm-state")).to_contain_text(state)


def expect_seen_by_strangers(browser: Browser, home: str, port: int, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        stranger = Visitor(context.new_page(), home)
        page = stranger.go("/status")
        expect(page.get_by_text(NAME, exact=True).first).to_be_visible()
        expect(page.locator(".wm-overall-words")).to_have_text("All systems operational")
        expect(page.locator("#history")).to_contain_text("Outage")
        assert [private for private in (PATH, HOST, str(port)) if private in page.content()] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert stranger.faults == []


def test_the_first_day_with_the_monitor(visitor: Visitor, product: Product, browser: Browser) -> None:
    page = visitor.page
    keep(page)
    with serving() as server:
        port, url = server.port, server.url(PATH)
        add_in_another_tab(visitor, url)
        row = page.get_by_role("row").filter(has_text=PATH)
        expect_state(row, "up")
    expect_state(row, "down")
    expect(page.get_by_role("region", name="Open incidents")).to_contain_text(PATH)
    assert is_kept(page)

    row.get_by_role("link", name=PATH).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(url)
    expect_state(page.locator("#site-head"), "down")
    expect(page.locator(".wm-alarm")).to_contain_text("refused")
    expect(page.get_by_role("region", name="Latest incidents").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("img", name="Response time")).to_be_visible()
    keep(page)
    with serving(port):
        expect_state(page.locator("#site-head"), "up")
        expect(page.locator(".wm-alarm")).to_have_count(0)
        assert is_kept(page)

        visitor.go("/admin/monitoring/statuspage/")
        choose(visitor, PATH, NAME)
        page.check("#id_is_public")
        page.click("input[name=_save]")
        expect(page.locator(".messagelist")).to_contain_text("Everybody sees it")
        for size in SIZES:
            for scheme in ("light", "dark"):
                expect_seen_by_strangers(browser, visitor.home, port, size, scheme)
