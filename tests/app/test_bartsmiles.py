"""The molecule tab in a browser and by API: click, switch, point, draw, mask, take home, and faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from pipelines.bartsmiles import EXAMPLES, FIRST
from tests.app.conftest import OpenPage

PATIENCE = 90_000  # milliseconds: the models are loaded with the first visit
ENDPOINTS = ("run", "deletion", "mask", "infill", "nearest", "lesson", "conformer", "batch", "export")
FIELD = "Or your own, as SMILES"


def name(page: Page) -> Any:
    return page.locator(".np-molecule-name b")


def done(page: Page, text: str) -> None:
    expect(page.locator(".np-status.done:visible").filter(has_text=text).first).to_be_visible(
        timeout=PATIENCE
    )


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_coloured_molecule_stands_at_load(open_page: OpenPage, size: str) -> None:
    page = open_page("bartsmiles", size=size)
    expect(name(page)).to_have_text(FIRST)
    expect(page.locator(".np-molecule-properties button")).to_have_count(6)
    assert page.locator(".np-molecule-svg g").first.locator("circle").count() > 5
    expect(page.get_by_text("computed when this page was made")).to_be_visible()
    expect(page.locator(".np-molecule-stable")).to_contain_text("8 ways")
    if size == "phone":
        order = [".np-chips", ".np-molecule-svg", "#bartsmiles-run", ".np-molecule-properties"]
        tops = [
            box["y"]
            for selector in order
            if (box := page.locator(f"{selector} >> visible=true").first.bounding_box())
        ]
        assert len(tops) == 4 and tops == sorted(tops), "the picture stands right under the examples"
        assert tops[1] < 600, "and above the fold"


def test_the_story(open_page: OpenPage) -> None:
    page = open_page("bartsmiles")
    page.get_by_role("button", name="Caffeine").click()
    expect(name(page)).to_have_text("Caffeine", timeout=PATIENCE)
    done(page, "Caffeine: solubility in water")
    before = page.locator(".np-molecule-svg g").first.inner_html()
    page.get_by_role("button", name="Lipophilicity").click()
    done(page, "Caffeine: lipophilicity")
    assert page.locator(".np-molecule-svg g").first.inner_html() != before
    expect(page.locator(".np-molecule-properties [aria-pressed=true]")).to_contain_text("Lipophilicity")
    page.locator(".np-molecule-svg [data-atom='3']").hover()
    expect(page.locator(".np-molecule-told")).to_contain_text(re.compile(r"Atom 4, .*logD"))
    expect(page.locator(".np-molecule-tokens .lit button")).to_have_count(1)
    page.get_by_label("Occlusion").check()
    expect(page.locator(".np-molecule-ledger")).to_contain_text("masked", timeout=PATIENCE)
    page.locator(".np-molecule-board summary").click()
    expect(page.get_by_text("Draw, then press")).to_be_visible(timeout=PATIENCE)
    page.locator(".np-molecule-canvas").click(position={"x": 200, "y": 60})
    expect(page.get_by_label(FIELD)).not_to_have_value(EXAMPLES["Caffeine"])


def test_what_is_known_at_load_switches_at_once(open_page: OpenPage) -> None:
    page = open_page("bartsmiles", size="phone")
    page.get_by_role("button", name="Blood-brain barrier").click()
    expect(page.locator(".np-molecule-svg")).to_have_attribute("aria-label", re.compile("Blood-brain"))
    page.locator(".np-molecule-tokens button").first.tap()
    expect(page.locator(".np-molecule-told")).to_contain_text("logits")


def test_the_panels(open_page: OpenPage) -> None:
    page = open_page("bartsmiles")
    page.locator(".np-molecule-mask circle").nth(1).click()
    expect(page.get_by_label("What the model gets")).to_have_value(re.compile("<mask>"), timeout=PATIENCE)
    page.get_by_role("button", name="Fill the gap").click()
    expect(page.get_by_text(re.compile("different molecule|found no molecule"))).to_be_visible(
        timeout=PATIENCE
    )
    page.get_by_role("tab", name="Is the map right?").click()
    expect(page.locator(".js-plotly-plot:visible")).to_contain_text("the map's order", timeout=PATIENCE)
    page.get_by_role("tab", name="What did it really learn?").click()
    expect(page.locator(".np-molecule-pair figure")).to_have_count(2, timeout=PATIENCE)
    page.get_by_role("tab", name="In 3D").click()
    expect(page.locator(".np-molecule-space canvas")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("tab", name="Take it home").click()
    button = page.get_by_role("button", name="Atoms (CSV)")
    expect(button).to_be_enabled(timeout=PATIENCE)
    with page.expect_download() as download:
        button.click()
    assert Path(download.value.path()).read_text(encoding="utf-8").startswith("atom,symbol,value")
    page.get_by_role("tab", name="Many molecules").click()
    page.get_by_role("button", name="Take the ten example molecules").click()
    done(page, "10 of 10 rows predicted")
    page.get_by_role("tab", name="Nearest molecules").click()
    expect(page.locator(".np-molecule-cards:visible li")).to_have_count(12, timeout=PATIENCE)
    page.locator(".np-molecule-cards:visible button").first.click()
    expect(name(page)).to_have_text("Your molecule", timeout=PATIENCE)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_what_is_no_molecule_keeps_the_last_picture(open_page: OpenPage, size: str) -> None:
    page = open_page("bartsmiles", size=size)
    page.get_by_label(FIELD).fill("C1CC<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Explain it").click()
    expect(page.get_by_text("There is more after the SMILES string").first).to_be_visible(timeout=PATIENCE)
    expect(name(page)).to_have_text(FIRST)
    expect(page.get_by_role("button", name="Explain it")).to_be_enabled(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Clear")).to_have_count(0)  # of errors that nobody sees


def test_a_shared_link_explains_its_molecule(open_page: OpenPage) -> None:
    page = open_page("bartsmiles", link="smiles=CCO&property=lipophilicity&method=occlusion&ways=1&seed=3")
    done(page, "lipophilicity")
    expect(page.locator(".np-molecule-name code")).to_have_text("CCO")


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_the_endpoints(client: Client, tmp_path: Path) -> None:
    names = set(client.view_api(return_format="dict")["named_endpoints"])
    assert {each for each in names if each.startswith("/bartsmiles_")} == {
        f"/bartsmiles_{x}" for x in ENDPOINTS
    }
    job = client.submit("OCC", "esol", "occlusion", 1, 0, api_name="/bartsmiles_run")
    properties, picture, smiles, status = job.result(timeout=120)
    assert smiles == "CCO"
    assert len(properties["rows"]) == 6
    assert len(picture["maps"]["esol|occlusion"]["atoms"]) == 3
    assert "seed 0" in status
    assert client.predict("CCO", api_name="/bartsmiles_mask")["symbols"] == ["C", "C", "O"]
    cards, _ = client.predict("C<mask>O", "embedded", api_name="/bartsmiles_infill")
    assert isinstance(cards, list)
    assert len(client.predict("CCO", "esol", api_name="/bartsmiles_nearest")) == 12
    assert "toxic" in client.predict("CCO", api_name="/bartsmiles_lesson")
    assert len(client.predict("CCO", "esol", "occlusion", api_name="/bartsmiles_conformer")["atoms"]) == 9
    assert len(client.predict("CCO", "esol", "occlusion", api_name="/bartsmiles_export")) == 3
    assert client.predict("CCO", "esol", "occlusion", api_name="/bartsmiles_deletion")["type"] == "plotly"
    table = tmp_path / "table.csv"
    table.write_text("smiles\nCCO\nnonsense\n")
    result = client.submit(handle_file(table), api_name="/bartsmiles_batch").result(timeout=120)
    assert "1 of 2 rows" in result[-1]


@pytest.mark.parametrize(
    ("endpoint", "arguments"),
    [
        ("run", ("", "esol", "occlusion", 1, 0)),
        ("run", (5, "esol", "occlusion", 1, 0)),
        ("run", ("CCO", "nosuch", "occlusion", 1, 0)),
        ("run", ("CCO", "esol", "occlusion", 10**9, 0)),
        ("run", ("C(" * 50_000, "esol", "occlusion", 1, 0)),
        ("infill", ("CCO", "embedded")),
        ("infill", ("C<mask>O", "hub")),
        ("deletion", ("../../etc/passwd", "esol", "occlusion")),
        ("nearest", ("*CC*", "esol")),
    ],
)
def test_bad_arguments_get_a_message(client: Client, endpoint: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises((AppError, ValueError)) as failure:
        client.submit(*arguments, api_name=f"/bartsmiles_{endpoint}").result(timeout=120)
    assert "Traceback" not in str(failure.value)
    assert "on our side" not in str(failure.value)
