"""The anomaly finder in a browser: the three examples, uploads, the slider, panels, files, and what goes
wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from pipelines.spade import EXAMPLES
from pipelines.weights import asset
from tests.app.conftest import OpenPage


def visible(page: Page, text: str) -> object:
    return page.get_by_text(re.compile(text)).locator("visible=true").first


def take(page: Page, index: int) -> None:
    """Click an example and wait for its result."""
    page.locator(".np-spade-examples button").nth(index).click()
    name = Path(EXAMPLES[index].file).name
    expect(visible(page, f"“{name}”, computed just now")).to_be_visible(timeout=90_000)


def upload(page: Page, path: Path) -> None:
    """As a visitor does it: beside the example's file, whose place it takes."""
    page.locator("input[type=file]").first.set_input_files(path)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_first_result_stands_at_load(open_page: OpenPage, size: str) -> None:
    page = open_page("spade", size=size)
    expect(page.locator(".np-spade-count")).to_contain_text("rows flagged")
    expect(visible(page, "computed when this page was made")).to_be_visible()
    expect(page.locator(".np-spade-rows > li").first).to_be_visible()
    if size == "phone":
        top = page.locator(".np-spade-head").bounding_box()
        below = page.get_by_role("button", name="Find anomalies").bounding_box()
        assert top and below and top["y"] < below["y"], "the result stands above the settings"


@pytest.mark.parametrize("index", [0, 1])
def test_an_example_table_runs_with_one_click(open_page: OpenPage, index: int) -> None:
    page = open_page("spade")
    take(page, index)
    expect(page.locator(".np-spade-count")).to_contain_text("rows flagged")
    expect(page.locator(".np-spade-verdict").first).to_contain_text("AUC")


def test_the_example_pictures_get_heat_maps(open_page: OpenPage) -> None:
    page = open_page("spade")
    take(page, 2)
    expect(page.locator(".np-spade-count")).to_contain_text("pictures flagged")
    expect(page.locator(".np-spade-pictures figure")).to_have_count(12)
    take(page, 0)
    expect(page.locator(".np-spade-rows > li").first).to_be_visible()


def test_an_upload_says_what_it_holds_and_the_example_is_told_no_more(open_page: OpenPage) -> None:
    page = open_page("spade")
    expect(visible(page, "1,500 readings of a pump")).to_be_visible()
    upload(page, asset("spade", EXAMPLES[2].file))
    expect(visible(page, "120 pictures: 18 labelled normal, 6 labelled anomaly")).to_be_visible()
    expect(page.get_by_text("1,500 readings of a pump").locator("visible=true")).to_have_count(0)


def test_the_slider_recounts(open_page: OpenPage) -> None:
    page = open_page("spade")
    number = page.get_by_label("number input for Flag the top")
    number.fill("20")
    number.press("Tab")
    expect(page.locator(".np-spade-count b")).to_have_text("300")


def test_the_panels(open_page: OpenPage) -> None:
    page = open_page("spade")
    page.get_by_role("tab", name="Map").click()
    page.get_by_label("pseudo-label").check()
    expect(
        page.locator(".js-plotly-plot").get_by_text("anomaly", exact=True).locator("visible=true").first
    ).to_be_visible()
    page.get_by_role("tab", name="Did pseudo-labels help?").click()
    expect(visible(page, "Isolation forest, no labels")).to_be_visible()
    page.get_by_role("tab", name="How it was read").click()
    expect(visible(page, "an identifier")).to_be_visible()
    page.get_by_role("tab", name="Take it home").click()
    expect(visible(page, "File ready")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Result (CSV)").click()
    assert "spade_score" in Path(download.value.path()).read_text(encoding="utf-8").splitlines()[0]


def test_a_bad_table_keeps_the_last_result(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("a,b,label\n1,2,0\n")
    page = open_page("spade")
    upload(page, path)
    expect(visible(page, "1 row, 3 columns")).to_be_visible()
    page.get_by_role("button", name="Find anomalies").click()
    expect(visible(page, "at least 12 are needed")).to_be_visible()
    expect(page.locator(".np-spade-count b")).to_have_text("95")


@pytest.fixture(scope="module")
def client(server: str) -> object:
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_the_endpoints(client: Client) -> None:
    names = set(client.view_api(return_format="dict")["named_endpoints"])
    assert {f"/spade_{name}" for name in ("read", "run", "flag", "map", "tsne", "export", "score")} <= names


def test_run_and_export_by_api(client: Client) -> None:
    table = handle_file(asset("spade", EXAMPLES[1].file))
    job = client.submit([table], "label", ["malignant"], [], "truth", "robust", 0, api_name="/spade_run")
    head, *_, status = job.result(timeout=90)
    assert "417" in head
    assert "ranked" in status
    path, status = client.predict(api_name="/spade_export")
    assert "File ready" in status
    text = Path(path["value"] if isinstance(path, dict) else path).read_text(encoding="utf-8")
    assert len(text.splitlines()) == 418


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ([], ("label", [], [], "(none)", "robust", 0)),
        (["pump.csv"], ("nosuch", [], [], "(none)", "robust", 0)),
        (["pump.csv"], ("label", ["anomaly"], ["normal"], "nosuch", "robust", 0)),
        (["pump.csv"], ("label", ["anomaly"], ["normal"], "(none)", "nosuch", 0)),
        (["pump.csv"], ("label", ["anomaly"], ["normal"], "(none)", "robust", -4)),
        (["pump.csv"], ("label", ["anomaly"], ["anomaly"], "(none)", "robust", 0)),
        (["pump.csv", "tumours.csv"], ("label", [], [], "(none)", "robust", 0)),
        (["card.svg"], ("label", [], [], "(none)", "robust", 0)),
    ],
)
def test_bad_arguments_get_a_message(client: Client, files: list[str], arguments: tuple[object, ...]) -> None:
    given = [handle_file(asset("spade", file)) for file in files]
    with pytest.raises((AppError, ValueError)) as failure:
        client.submit(given, *arguments, api_name="/spade_run").result(timeout=60)
    assert "Traceback" not in str(failure.value)
    assert "on our side" not in str(failure.value)
