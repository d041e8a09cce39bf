"""The page as a whole: Home, links, tabs by address, phone width, accessibility."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tabs import TABS
from tests.app.conftest import ROOT, STILL, OpenPage

NAMES = ["home", *(module.PAPER.name for module in TABS)]


def test_home_shows_a_card_per_paper_and_the_card_opens_the_tab(open_page: OpenPage) -> None:
    page = open_page("home")
    expect(page.locator(".np-card")).to_have_count(len(TABS))
    page.locator(".np-card").first.click()
    first = TABS[0].PAPER
    expect(page.locator(f"#tab-{first.name}-button")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("link", name=first.title).locator("visible=true")).to_have_attribute(
        "href", first.url
    )
    assert f"tab={first.name}" in page.url


def test_an_unknown_tab_in_the_address_leaves_home_open(server: str, open_page: OpenPage) -> None:
    page = open_page("home")
    page.goto(f"{server}?tab=nosuchpaper")
    expect(page.locator("#tab-home-button")).to_have_attribute("aria-selected", "true")


def test_a_page_that_falls_back_to_home_while_it_loads_returns_to_the_tab_and_inputs_of_its_address(
    open_page: OpenPage,
) -> None:
    page = open_page("spade", link="example=1")
    page.evaluate("document.getElementById('tab-home-button').click()")  # as a slow page does, unasked
    expect(page.locator("#tab-spade-button")).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(500)
    assert "tab=spade" in page.url and "example=1" in page.url
    page.locator("#tab-home-button").click()
    expect(page.locator("#tab-home-button")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overflows_on_a_phone(open_page: OpenPage, name: str) -> None:
    page = open_page(name, size="phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 391


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_serious_violation(open_page: OpenPage, name: str, theme: str) -> None:
    page = open_page(name, theme=theme)
    page.wait_for_timeout(300)  # buttons that fade in have begun to
    page.wait_for_function(STILL)
    found = Axe().run(page).response["violations"]
    serious = [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not serious, "\n".join(serious)


def test_the_fonts_come_from_this_server_and_its_paths_stay_its_own(server: str, open_page: OpenPage) -> None:
    page = open_page("home")
    assert page.evaluate(
        "document.fonts.check('16px \"Source Sans 3\"') && document.fonts.check('600 16px Lora')"
    )
    assert page.request.get(f"{server}fonts/Lora-SemiBold.woff2").ok
    assert str(ROOT) not in page.content().replace(f"{ROOT}/.venv", "")
