"""Share links: what they carry, what opening one does, and links that are wrong."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from tabs.drawing import PREFIX, DrawingPad
from tabs.share import LONGEST, ShareLink, fill
from tests.app.conftest import OpenPage

PROMPT = "What shall it be?"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", said.append)
    return said


@pytest.mark.parametrize(
    ("component", "text", "value"),
    [
        (gr.Textbox(), "two\nlines & <more>", "two\nlines & <more>"),
        (gr.Textbox(), "", ""),
        (gr.Number(precision=0, minimum=0), "12", 12),
        (gr.Number(), "null", None),
        (gr.Slider(0, 1), "0.25", 0.25),
        (gr.Checkbox(), "true", True),
        (gr.Radio([("Fast", "fast")]), "fast", "fast"),
        (gr.Radio([1, 2]), "2", 2),
        (gr.Dropdown(["a", "b"]), "b", "b"),
        (gr.Dropdown(["a", "b"], multiselect=True), '["b", "a"]', ["b", "a"]),
        (gr.CheckboxGroup(["a", "b"]), "[]", []),
        (DrawingPad(), f"{PREFIX}AAAA", f"{PREFIX}AAAA"),
    ],
)
def test_each_kind_of_input_is_read(component: Any, text: str, value: Any, warnings: list[str]) -> None:
    assert fill(f"it={quote(text)}", {"it": component}) == [value]
    assert not warnings


@pytest.mark.parametrize(
    ("component", "text"),
    [
        (gr.Textbox(max_length=5), "too long"),
        (gr.Number(minimum=0), "-1"),
        (gr.Number(), "nan"),
        (gr.Number(), "many"),
        (gr.Slider(0, 1), "2"),
        (gr.Checkbox(), "perhaps"),
        (gr.Radio(["a", "b"]), "c"),
        (gr.Radio([("Embedded", "embedded"), ("Stable Diffusion", "hub")]), "hub"),
        (gr.Dropdown(["a", "b"]), "c"),
        (gr.Dropdown(["a", "b"], allow_custom_value=True), "c"),
        (gr.Dropdown(["a", "b"], multiselect=True), '["c"]'),
        (gr.Dropdown(["a", "b"], multiselect=True), "5"),
        (gr.CheckboxGroup(["a", "b"]), "not JSON"),
        (DrawingPad(), "https://elsewhere.example/picture.png"),
    ],
)
def test_what_an_input_does_not_take_is_left_and_told(component: Any, text: str, warnings: list[str]) -> None:
    component.label = "The field"
    other, kept = fill(f"other=kept&it={quote(text)}", {"other": gr.Textbox(), "it": component})
    assert other == "kept"
    assert kept == gr.skip()
    assert len(warnings) == 1 and "The field" in warnings[0]


def test_inputs_that_the_link_leaves_out_stay() -> None:
    assert fill("b=x", {"a": gr.Textbox(), "b": gr.Textbox()}) == [gr.skip(), "x"]


@pytest.mark.parametrize("fragment", ["", "nonsense", "c=1", "a=" + "x" * LONGEST])
def test_a_link_with_nothing_in_it_ends_in_a_sentence(fragment: str, warnings: list[str]) -> None:
    with pytest.raises(gr.Error, match="nothing that this tab can read"):
        fill(fragment, {"a": gr.Textbox()})


def test_what_no_link_can_carry_is_found_when_the_page_is_built() -> None:
    with pytest.raises(TypeError, match="File"):
        ShareLink("paper", {"upload": gr.File()})


def share(page: Page) -> str:
    """Press the button; returns the link."""
    page.get_by_role("button", name="Share via link").locator("visible=true").click()
    expect(page.get_by_text(re.compile("Link copied|in the address bar"))).to_be_visible()
    return page.url


def test_a_link_is_made_on_the_page_and_read_by_another(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    page.locator(".np-examples button").nth(3).click()  # a 0
    expect(page.locator(".np-digit")).to_have_text("0")
    page.get_by_label("The paper's circuit").check()
    expect(page.get_by_text("by 48,000 gates")).to_be_visible()
    link = share(page)
    carried = parse_qs(urlsplit(link).fragment)
    assert carried["net"] == ["small"]
    assert carried["drawing"][0].startswith(PREFIX)

    other = open_page("home")
    other.goto(link)
    other.reload()
    expect(other.locator(".np-digit")).to_have_text("0")
    expect(other.get_by_label("The paper's circuit")).to_be_checked()
    expect(other.get_by_text("by 48,000 gates")).to_be_visible()


def test_another_tab_forgets_the_inputs_of_this_one(open_page: OpenPage) -> None:
    page = open_page("logicgates")
    share(page)
    page.locator("#tab-spade-button").click()
    expect(page.locator(".np-paper:visible")).to_contain_text("SPADE")
    page.wait_for_function("!location.hash && location.search.includes('tab=spade')")


def test_a_link_fills_the_form_and_runs_it(open_page: OpenPage) -> None:
    page = open_page("sjc")
    page.evaluate("location.hash = 'prompt=a+green+vase&seed=12&views=none&quality=nonsense&model=hub'")
    expect(page.get_by_text("left as it was: Quality")).to_be_visible()
    expect(page.get_by_label(PROMPT)).to_have_value("a green vase")
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_enabled()
    stop.click()
    expect(page.get_by_label("Seed")).to_have_value("12")
    page.get_by_role("button", name="Experiments").click()
    expect(page.get_by_label("Not at all: expect two faces")).to_be_checked()
    expect(page.get_by_label("Embedded, ours")).to_be_checked()


def test_an_example_of_the_anomaly_finder_comes_by_link(open_page: OpenPage) -> None:
    page = open_page("spade", link="example=1&mode=robust&seed=3")
    expect(page.get_by_text("“tumours.csv”, computed just now")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("mode robust, seed 3")).to_be_visible()


def test_a_link_from_an_upload_says_that_it_carries_none(open_page: OpenPage) -> None:
    page = open_page("spade")
    page.evaluate("location.hash = 'example=null&mode=robust&seed=3'")
    expect(page.get_by_text("This link was made for uploaded files.")).to_be_visible()
    expect(page.locator(".np-spade-count")).to_contain_text("rows flagged")
