"""The GlanceNet tab in a browser: the story a first visitor lives, and what goes wrong on the way."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

from pipelines.glancenets import WORLDS
from tabs.glancenets_examples import EXAMPLES
from tests.app.conftest import OpenPage

PATIENCE = 60_000  # milliseconds: the nets are loaded with the first visit
INSIDE = [i for i, example in enumerate(EXAMPLES["faces"]) if not example.outside]
HAT = next(i for i, example in enumerate(EXAMPLES["faces"]) if "hat" in example.factors)


def badge(page: Page, word: str) -> None:
    expect(page.locator(".np-osr-badge b")).to_have_text(word, timeout=PATIENCE)


def take(page: Page, index: int, world: str = "faces") -> None:
    """Click an example."""
    page.locator(f".np-of-{world} .np-gallery button[data-index='{index}']").first.click()
    expect(page.locator(".np-status.done:visible").first).to_contain_text(
        "Read by both nets", timeout=PATIENCE
    )


def enter(page: Page, world: str) -> None:
    page.get_by_label(world).check()
    expect(page.locator(".np-status.done:visible").first).to_contain_text("first example", timeout=PATIENCE)


def concept(page: Page, name: str) -> object:
    return page.locator(f".np-glance-parts .np-slider[data-name={name}] input")


def decoded(page: Page) -> str:
    return page.locator(".np-osr img").get_attribute("src") or ""


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_story_begins_with_an_accepted_robot(open_page: OpenPage, size: str) -> None:
    page = open_page("glancenets", size=size)
    badge(page, "ACCEPTED")
    expect(page.get_by_text("read when this page was made")).to_be_visible()
    expect(page.locator(".np-gauges li")).to_have_count(3)
    if size == "phone":
        picture, verdict = (page.locator(part).bounding_box() for part in (".np-gallery:visible", ".np-osr"))
        assert picture and verdict and 0 < verdict["y"] - picture["y"] - picture["height"] < 60


def test_a_dragged_concept_is_redrawn_and_the_answer_follows(open_page: OpenPage) -> None:
    page = open_page("glancenets")
    before, shares = decoded(page), page.locator(".np-class-bar").first.get_attribute("style")
    mouth = concept(page, "mouth")
    mouth.focus()
    for _ in range(12):
        mouth.press("ArrowLeft")
    expect(page.locator(".np-osr figcaption")).to_have_text("Redrawn with another mouth", timeout=PATIENCE)
    assert decoded(page) != before
    assert page.locator(".np-class-bar").first.get_attribute("style") != shares
    expect(page.locator(".np-slider-mark").first).to_be_attached()
    page.get_by_role("button", name="Back to what it saw").click()
    expect(page.locator(".np-osr figcaption")).to_have_text("Redrawn from what it saw", timeout=PATIENCE)


def test_a_stranger_is_refused_unless_forced_and_then_the_leak_shows_if_there_is_one(
    open_page: OpenPage,
) -> None:
    page = open_page("glancenets")
    take(page, HAT)
    badge(page, "REJECTED")
    expect(page.locator(".np-gauges .failed").first).to_contain_text("times the limit")
    expect(page.locator(".np-answer-heads p").first).to_contain_text("No answer")
    expect(page.locator(".np-leak")).to_have_count(0)
    page.get_by_label("Answer anyway").check()
    expect(page.locator(".np-answer-heads p").first).not_to_contain_text("No answer", timeout=PATIENCE)
    expect(page.locator(".np-leak")).to_have_count(0)  # the hatted robot stands in the middle
    take(page, HAT + 1)
    expect(page.locator(".np-leak")).to_contain_text("The truth: right", timeout=PATIENCE)
    page.get_by_role("button", name="Random, as in training").click()
    expect(page.locator(".np-gallery:visible [aria-pressed=true]")).to_have_count(0)


def test_of_quick_clicks_the_last_one_counts(open_page: OpenPage) -> None:
    page = open_page("glancenets")
    page.locator(".np-of-faces .np-gallery").first.evaluate(
        """(row, indices) => indices.forEach((i, k) => setTimeout(
            () => row.querySelector(`[data-index="${i}"]`).click(), 40 * k))""",
        [HAT, *INSIDE[1:4]],
    )
    name = EXAMPLES["faces"][INSIDE[3]].name.capitalize()
    expect(page.locator(".np-input-figure figcaption")).to_contain_text(name, timeout=PATIENCE)
    page.wait_for_timeout(1000)
    expect(page.locator(".np-input-figure figcaption")).to_contain_text(name)


def test_pushed_out_of_its_world_a_sprite_is_refused(open_page: OpenPage) -> None:
    page = open_page("glancenets")
    enter(page, "Sprites")
    badge(page, "ACCEPTED")
    expect(page.locator(".np-pad")).to_be_hidden()
    place = page.locator(".np-not-digits .np-slider[data-name=x] input")
    place.focus()
    for _ in range(14):
        place.press("ArrowRight")
    badge(page, "REJECTED")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_scribble_is_refused_and_a_clear_leaves_no_result(open_page: OpenPage, size: str) -> None:
    page = open_page("glancenets", size=size)
    enter(page, "Digits 4 and 5")
    badge(page, "ACCEPTED")
    page.locator(".np-of-digits .np-pad-clear").click()
    expect(page.get_by_text("the verdict comes here")).to_be_visible(timeout=PATIENCE)
    canvas = page.locator(".np-of-digits canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in
          ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8), (0.2, 0.2), (0.8, 0.2), (0.5, 0.9))]  # fmt: skip
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    badge(page, "REJECTED")


def test_a_photo_is_refused_and_a_text_file_told(open_page: OpenPage, tmp_path: Path) -> None:
    photo, text = tmp_path / "photo.png", tmp_path / "text.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 200, 3), dtype=np.uint8)).save(photo)
    text.write_text("not a picture")
    page = open_page("glancenets")
    page.get_by_text("Upload a picture of anything").click()
    page.locator("input[type=file]").first.set_input_files(text)
    expect(page.get_by_text("This file is not a picture")).to_be_visible(timeout=PATIENCE)
    badge(page, "ACCEPTED")
    expect(page.locator("[data-testid=image] img, .image-frame img")).to_have_count(0, timeout=PATIENCE)
    page.wait_for_timeout(1000)  # the field is empty again before the next file comes
    page.locator("input[type=file]").first.set_input_files(photo)
    badge(page, "REJECTED")


def test_the_panels(open_page: OpenPage) -> None:
    page = open_page("glancenets")
    expect(page.locator(".np-meter li")).to_have_count(4)
    page.get_by_role("tab", name="Alignment").click()
    expect(page.locator(".np-hintons svg:visible")).to_have_count(2)
    page.get_by_role("tab", name="Traversals").click()
    expect(page.locator(".np-strips img")).to_have_count(len(WORLDS["faces"].dimensions), timeout=PATIENCE)
    page.get_by_role("tab", name="Latent map").click()
    expect(page.locator(".js-plotly-plot:visible").get_by_text("this picture")).to_be_visible(
        timeout=PATIENCE
    )
    page.get_by_role("tab", name="Take it home").click()
    button = page.get_by_role("button", name="Reading (JSON)")
    expect(button).to_be_enabled(timeout=PATIENCE)
    with page.expect_download() as download:
        button.click()
    assert '"contributions"' in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_shared_link_brings_the_picture_back(open_page: OpenPage) -> None:
    page = open_page("glancenets")
    take(page, HAT)
    badge(page, "REJECTED")
    page.get_by_role("button", name="Share via link").locator("visible=true").click()
    expect(
        page.get_by_text(re.compile("Link copied|in the address bar")).locator("visible=true")
    ).to_be_visible()
    again = open_page("glancenets")
    again.goto(page.url)
    again.reload()
    badge(again, "REJECTED")
    expect(again.locator(".np-input-figure figcaption")).to_have_text("The picture of the link")


@pytest.fixture(scope="module")
def client(server: str) -> object:
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_the_endpoints(client: Client, tmp_path: Path) -> None:
    names = set(client.view_api(return_format="dict")["named_endpoints"])
    parts = ("draw", "read", "write", "intervene", "traverse", "map", "export")
    assert {name for name in names if name.startswith("/glancenets_")} == {f"/glancenets_{x}" for x in parts}
    drawn = client.predict(
        "faces", 0, {"mouth": 0.9}, {"hat": 1}, "paper", False, api_name="/glancenets_draw"
    )
    picture, verdict = drawn[0], drawn[4]
    assert not verdict["accepted"]
    changed, answers, _ = client.predict(
        picture, {"mouth": 0.1}, "paper", True, api_name="/glancenets_intervene"
    )
    assert changed["caption"] == "Redrawn with another mouth"
    assert not answers["refused"]
    assert "<li" in client.predict(picture, {}, api_name="/glancenets_traverse")
    assert len(client.predict(picture, {}, "paper", api_name="/glancenets_export")) == 3
    photo = tmp_path / "photo.png"
    Image.new("RGB", (90, 70), "red").save(photo)
    read = client.predict(handle_file(photo), "faces", "extended", False, api_name="/glancenets_read")
    assert not read[4]["accepted"]


@pytest.mark.parametrize(
    ("endpoint", "arguments"),
    [
        ("draw", ("nosuch", 0, {}, {}, "paper", False)),
        ("draw", ("faces", -3, {}, {}, "paper", False)),
        ("draw", ("faces", 0, {"mouth": "wide"}, {}, "paper", False)),
        ("write", ("", "paper", False)),
        ("write", ("nonsense", "paper", False)),
        ("intervene", ("nonsense", {}, "paper", False)),
        ("intervene", ("", {"nose": 1}, "paper", False)),
        ("intervene", ("", {"rows": 3}, "paper", False)),
        ("map", ("../../etc/passwd", {})),
        ("export", ("", {"mouth": [1]}, "paper")),
    ],
)
def test_bad_arguments_get_a_message(client: Client, endpoint: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises((AppError, ValueError)) as failure:
        client.predict(*arguments, api_name=f"/glancenets_{endpoint}")
    assert "Traceback" not in str(failure.value)
    assert "on our side" not in str(failure.value)
