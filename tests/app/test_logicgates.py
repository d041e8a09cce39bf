"""The logic-gate tab in a browser: a visit from drawing to download, and what goes wrong on the way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.app.conftest import OpenPage

SEVEN = [(0.25, 0.22), (0.45, 0.21), (0.72, 0.22), (0.62, 0.45), (0.52, 0.65), (0.45, 0.85)]


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """One stroke on the pad; points are shares of its width and height."""
    canvas = page.locator(".np-pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def panel(page: Page, name: str) -> None:
    """Open one of the panels under the drawing."""
    page.get_by_role("tab", name=name).click()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_drawn_seven_is_read(open_page: OpenPage, size: str) -> None:
    page = open_page("logicgates", size=size)
    page.locator(".np-pad-clear").click()
    expect(page.locator(".np-digit")).to_have_count(0)
    expect(page.locator(".np-empty")).to_be_visible()
    draw(page, SEVEN)
    expect(page.locator(".np-digit")).to_have_text("7")
    expect(page.locator(".np-firing figure")).not_to_have_count(0)


def test_every_example_is_read_as_itself(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    examples = page.locator(".np-examples button")
    for i in range(examples.count()):
        example = examples.nth(i)
        digit = (example.get_attribute("title") or "")[-1]
        example.click()
        expect(page.locator(".np-digit")).to_have_text(digit)


def test_of_quick_clicks_the_last_one_counts(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    page.locator(".np-examples").evaluate(
        "row => [1, 2, 3].forEach((i) => setTimeout(() => row.querySelectorAll('button')[i].click(), 30 * i))"
    )
    expect(page.locator(".np-digit")).to_have_text("0", timeout=20_000)
    page.wait_for_timeout(1500)  # no earlier one comes late
    expect(page.locator(".np-digit")).to_have_text("0")
    expect(page.get_by_role("radio", name="0", exact=True)).to_be_checked()


def test_the_other_circuit_and_the_gates_behind_a_digit(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    page.get_by_label("The paper's circuit").check()
    expect(page.get_by_text(re.compile("by 48,000 gates"))).to_be_visible()
    page.locator(".np-votes [data-digit='3']").click()
    expect(page.get_by_role("radio", name="3", exact=True)).to_be_checked()
    expect(page.locator(".np-cone b").first).to_have_text("3")
    expect(page.locator(".js-plotly-plot .scatterlayer").first).to_be_attached()


def test_all_test_digits_are_read_now(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "All 10,000 test digits")
    page.get_by_role("button", name="Read all 10,000 test digits").click()
    status = page.get_by_text(re.compile(r"\d\d\.\d\d% right"))
    expect(status).to_be_visible()
    assert float(re.search(r"(\d+\.\d+)% right", status.inner_text()).group(1)) > 97
    expect(page.locator(".np-confusion tbody tr")).to_have_count(10)
    expect(page.locator(".np-mistakes figure")).to_have_count(24)


def test_training_stops_when_told(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "Train your own")
    page.get_by_role("button", name="Train", exact=True).click()
    stop = page.get_by_role("button", name="Stop").locator("visible=true")
    expect(stop).to_be_enabled()
    expect(page.get_by_text(re.compile("s gone")).locator("visible=true")).to_be_visible(timeout=20_000)
    stop.click()
    expect(page.get_by_text("Stopped.").locator("visible=true")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    # the place is free again: the next job starts at once
    page.get_by_role("button", name="Train", exact=True).click()
    again = page.get_by_text(re.compile("discretised ·")).locator("visible=true")
    expect(again).to_be_visible(timeout=20_000)
    stop.click()
    expect(page.locator(".js-plotly-plot .scatterlayer").locator("visible=true").first).to_be_attached()


def test_a_trained_net_becomes_the_circuit_of_the_pad(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "Train your own")
    seconds, slider = (page.get_by_label(f"{kind} for Seconds") for kind in ("number input", "range slider"))
    expect(seconds).to_have_value("60")
    for _ in range(5):  # Gradio sets the controls of a new panel once more shortly after they appear
        seconds.fill("10")
        seconds.press("Tab")
        page.wait_for_timeout(700)
        if slider.input_value() == "10":
            break
    expect(slider).to_have_value("10")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile("of the 10,000 test digits right"))).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Your circuit")).to_be_checked()
    expect(page.locator(".np-digit")).to_have_text("7")


def test_files_can_be_taken_home(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "Take it home")
    expect(page.get_by_text(re.compile("Files ready"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="C source").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "classify" in text


def test_statistics_are_drawn(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "Gate statistics")
    expect(page.locator(".js-plotly-plot").get_by_text("LUT3 operations").first).to_be_visible()


def test_bad_uploads_are_told_and_keep_the_last_result(open_page: OpenPage, tmp_path: Path) -> None:
    blank, text = tmp_path / "blank.png", tmp_path / "text.png"
    Image.new("RGB", (80, 80), "white").save(blank)
    text.write_text("not a picture")
    page = open_page("logicgates")
    page.get_by_text("Or upload a picture of one digit").click()
    for file, message in ((blank, "The picture shows no writing."), (text, "This file is not a picture")):
        page.locator("input[type=file]").first.set_input_files(file)
        expect(page.get_by_text(message)).to_be_visible()
        expect(page.locator(".np-digit")).to_have_text("7")
        expect(page.locator("[data-testid=image] img, .image-frame img")).to_have_count(0)


def test_a_scribble_is_doubted_and_a_digit_is_not(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    doubt = page.get_by_text("This does not look much like one digit.")
    expect(doubt).to_have_count(0)
    page.locator(".np-pad-clear").click()
    corners = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)]
    draw(page, [*corners, (0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.5, 0.1), (0.9, 0.6), (0.1, 0.5)])
    expect(doubt).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ votes? ahead of \d|a tie with \d"))).to_be_visible()


def test_a_clicked_bar_brings_its_gates_into_view(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    panel(page, "Race it")
    page.locator(".np-votes [data-digit='3']").click()
    expect(page.get_by_role("tab", name="Inside the circuit")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".np-cone b").first).to_have_text("3")
    expect(page.locator("#logicgates-cone")).to_be_in_viewport()


def test_clear_while_it_reads_leaves_the_page_blank(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    page.route("**/queue/join**", lambda route: (page.wait_for_timeout(300), route.continue_()))
    draw(page, SEVEN)
    page.locator(".np-pad-clear").click()
    page.wait_for_timeout(2500)
    expect(page.locator(".np-digit")).to_have_count(0)
    expect(page.locator(".np-cone")).to_have_count(0)


def test_all_panels_are_in_sight_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("logicgates", size="phone")
    names = (
        "Inside the circuit",
        "Race it",
        "All 10,000 test digits",
        "Train your own",
        "Gate statistics",
        "Take it home",
    )
    for name in names:
        tab = page.get_by_role("tab", name=name)
        expect(tab).to_be_visible()
        box = tab.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    expect(page.get_by_role("button", name="More tabs").locator("visible=true")).to_have_count(0)
