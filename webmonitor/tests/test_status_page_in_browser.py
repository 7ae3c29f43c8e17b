"""The status page in a real browser: switched on in the admin, and seen by strangers."""

import pytest
from playwright.sync_api import Browser, expect

from monitoring.tests.servers import Server
from webmonitor.tests.product import Product, wait_for
from webmonitor.tests.test_pages import CHROMIUM, SIZES, Visitor, browser, site, visitor

__all__ = ["browser", "site", "visitor"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def choose(visitor: Visitor, url: str, name: str) -> None:
    """Add a website to the form of the status page, as people do."""
    page = visitor.page
    page.get_by_role("button", name="Add another Website").click()
    row = page.locator("#websites-group tr.dynamic-websites").last
    row.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill(url)
    page.locator(".select2-results__option", has_text=url).click()
    row.locator("[name$=-name]").fill(name)
    row.locator("[name$=-group_name]").fill("Systems")


def test_a_page_that_is_switched_on_is_seen_by_strangers(
    visitor: Visitor, site: Server, product: Product, browser: Browser
) -> None:
    url = site.url("/on-the-status-page")
    product.request("POST", "/websites", data={"website_url": url, "monitoring_interval": 30})
    wait_for(lambda: len(product.rows(url)) == 1, 10)
    page = visitor.go("/admin/monitoring/statuspage/")
    expect(page.locator(".wm-notice")).to_contain_text("The status page is off")
    choose(visitor, "on-the-status-page", "Our shop")
    page.check("#id_is_public")
    page.click("input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text("Everybody sees it")
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            with browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
            ) as context:
                stranger = Visitor(context.new_page(), visitor.home)
                seen = stranger.go("/status")
                expect(seen.locator(".wm-overall-words")).to_have_text("All systems operational")
                expect(seen.locator(".wm-shown").get_by_role("img")).to_have_count(1)
                assert "on-the-status-page" not in seen.content()
                assert seen.evaluate("document.documentElement.scrollWidth") <= width, (size, scheme)
                assert stranger.faults == []
    page.uncheck("#id_is_public")
    page.click("input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text("It is off")
    with browser.new_context() as context:
        answer = context.new_page().goto(f"{visitor.home}/status")
        assert answer is not None
        assert answer.status == 404
