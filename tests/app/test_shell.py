"""Run, Stop and the status line, on a page of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect

from pipelines.runtime import Progress
from tabs.shell import RunBar
from tabs.status import job


@job(outputs=1)
def count(most: float) -> Iterator[tuple[str, Progress | str]]:
    """Count up to `most` in a quarter of a second each."""
    for i in range(int(most)):
        yield f"{i}", Progress(i, int(most))
        time.sleep(0.25)
    yield "all", "Counted"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with gr.Blocks(analytics_enabled=False) as demo:
        most = gr.Slider(0, 10, value=2, label="Most")
        gr.Button("Too much").click(lambda: 50, outputs=most)
        bar = RunBar("Count")
        shown = gr.Textbox(label="Shown")
        bar.connect(count, [most], [shown], api_name="count")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    page = browser.new_page()
    page.goto(url)
    yield page
    page.close()
    demo.close()


def test_a_job_runs_and_frees_its_button(page: Page) -> None:
    run, stop = page.get_by_role("button", name="Count"), page.get_by_role("button", name="Stop")
    run.click()
    expect(stop).to_be_enabled()
    expect(page.get_by_label("Shown")).to_have_value("all")
    expect(page.get_by_text("Counted")).to_be_visible()
    expect(run).to_be_enabled()
    expect(stop).to_be_disabled()


def test_a_value_out_of_range_is_told_and_starts_nothing(page: Page) -> None:
    page.get_by_role("button", name="Too much").click()
    expect(page.get_by_label("number input for Most")).to_have_value("50")
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("greater than maximum value 10")).to_be_visible()
    expect(page.get_by_role("button", name="Count")).to_be_enabled()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    expect(page.get_by_text("Waiting for a free place")).to_have_count(0)
    expect(page.get_by_label("Shown")).to_have_value("")
