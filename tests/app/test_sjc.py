"""The prompt-to-3D tab in a browser: look, turn, shape, stop, take home, and what goes wrong on the way."""

from __future__ import annotations

import re
from pathlib import Path

import trimesh
from playwright.sync_api import Page, expect

from tests.app.conftest import OpenPage

RUN = "Shape it in 3D"
PROMPT = "What shall it be?"
PATIENCE = 120_000  # milliseconds: a run takes 20 s on two quiet cores
STOP_WHEN_SOLID = """() => new MutationObserver((_, watch) => {
  const tools = document.querySelector(".np-turntable.live .np-turntable-tools")?.textContent ?? "";
  if (!/step (1\\d\\d|[5-9]\\d) of 200/.test(tools)) return;  // earlier it may still be fog without a surface
  watch.disconnect();
  document.querySelector(".np-run:has(#sjc-run) button.stop").click();
}).observe(document.body, { subtree: true, childList: true, characterData: true })"""
"""A quick visitor: Stop is pressed the moment the page shows such a step of the long run, while the page
still takes it for running, however busy the machine is."""


def view_of(page: Page) -> str:
    return page.locator(".np-turntable-strip").evaluate("element => element.style.backgroundPositionX")


def test_the_first_object_can_be_turned_at_once(open_page: OpenPage) -> None:
    page = open_page("sjc")
    stage = page.locator(".np-turntable-stage")
    box = stage.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=4)
    page.mouse.up()
    dragged = view_of(page)
    assert dragged not in ("", "0%")
    stage.press("ArrowRight")
    assert view_of(page) != dragged
    depth = page.get_by_role("button", name="Depth")
    depth.click()
    expect(depth).to_have_attribute("aria-pressed", "true")


def test_ready_made_objects_come_at_one_click(open_page: OpenPage) -> None:
    page = open_page("sjc", size="phone")
    example = page.locator(".np-examples:visible button").nth(1)
    name = example.get_attribute("title") or ""
    example.click()
    expect(page.locator(".np-turntable-stage")).to_have_attribute("aria-label", name)
    expect(page.locator(".np-turntable-tools")).to_contain_text("ready-made")
    expect(page.get_by_label(PROMPT)).to_have_value(name)
    with page.expect_download() as download:
        page.get_by_role("button", name="Mesh (GLB)").click()
    assert len(trimesh.load(Path(download.value.path()), file_type="glb", force="mesh").faces) > 500


def test_words_go_into_the_prompt(open_page: OpenPage) -> None:
    page = open_page("sjc")
    page.get_by_label(PROMPT).fill("a red vase")
    page.get_by_role("button", name="teal", exact=True).click()
    expect(page.get_by_label(PROMPT)).to_have_value("a teal vase")


def test_shape_something_unknown_stop_and_take_it_home(open_page: OpenPage) -> None:
    page = open_page("sjc")
    page.get_by_label("Normal, about twice as long").check()
    page.evaluate(STOP_WHEN_SOLID)
    page.get_by_label(PROMPT).fill("a green <i>saxophone</i>")  # text, and never markup
    page.get_by_label(PROMPT).press("Enter")
    expect(page.locator(".np-dreams figure")).to_have_count(5)
    expect(page.get_by_text("The model has learnt nothing quite like this")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=PATIENCE)
    stopped = re.compile(r"Stopped at step (1\d\d|[5-9]\d); this is the object so far")
    expect(page.get_by_text(stopped)).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".np-turntable-tools")).to_contain_text("a green <i>saxophone</i>")
    expect(page.get_by_role("button", name=RUN)).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_role("button", name="Film (MP4)").click()
    assert download.value.suggested_filename == "a-green-i-saxophone-i.mp4"


def test_an_empty_prompt_gets_a_plain_answer_and_keeps_the_object(open_page: OpenPage) -> None:
    page = open_page("sjc")
    before = page.locator(".np-turntable-tools").inner_text()
    page.get_by_label(PROMPT).fill("  ")
    page.get_by_role("button", name=RUN).click()
    expect(page.get_by_text("The prompt has no words.").first).to_be_visible(
        timeout=PATIENCE
    )  # toast and status
    assert page.locator(".np-turntable-tools").inner_text() == before
    expect(page.get_by_role("button", name=RUN)).to_be_enabled()


def test_the_mesh_is_drawn_when_its_tab_is_opened(open_page: OpenPage) -> None:
    page = open_page("sjc")
    page.get_by_role("tab", name="The mesh").click()
    expect(page.get_by_text("Closed (watertight)")).to_be_visible()
    canvas = page.locator("#tab-sjc-mesh canvas, [role=tabpanel] canvas").first
    canvas.wait_for(timeout=PATIENCE)
    page.wait_for_function(
        """() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('.glb'))"""
    )
