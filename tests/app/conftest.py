"""A live server and a real browser.

Every page that a test opens must stay free of console errors, and must ask no other host for anything.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

STILL = """() => document.getAnimations().every((one) =>
    one.playState !== "running" || one.effect.getComputedTiming().endTime > 2000)"""
"""Nothing fades in any more: colours are those that a visitor will read. (A toast's clock runs for long.)"""

OpenPage = Callable[..., Page]

expect.set_options(timeout=15_000)  # machines of a build service are slow


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of the app, started as a visitor would start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=os.environ | {"CI": "1"}
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the app ended while starting"
                time.sleep(0.25)
        else:
            pytest.fail("the app did not come up within a minute")
        yield url
        assert process.poll() is None, "the app died during the tests"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("NINE_PAPERS_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert path, "no Chromium found; `make test` installs one on Debian"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def _is_complaint(message: ConsoleMessage) -> bool:
    # The 3D viewer tries WebGPU first, says so loudly where there is none, and falls back to WebGL.
    return message.type == "error" and "WebGPU" not in message.text


@pytest.fixture
def open_page(server: str, browser: Browser) -> Iterator[OpenPage]:
    """open_page(tab, size="desktop", theme="light", link="") -> a page with that tab open; `link`: a share
    link's fragment."""
    complaints: list[str] = []
    contexts = []

    def open_tab(tab: str = "home", size: str = "desktop", theme: str = "light", link: str = "") -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", is_mobile=size == "phone",
            accept_downloads=True, reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: _is_complaint(message) and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((server, "data:", "blob:"))
                or complaints.append(f"foreign request: {request.url}")
            ),
        )
        page.goto(f"{server}?tab={tab}&__theme={theme}{link and '#' + link}")
        page.locator(f"#tab-{tab}-button[aria-selected=true]").wait_for(state="attached")
        page.locator(":is(.np-hero, .np-paper):visible").wait_for()
        page.wait_for_function("document.fonts.status === 'loaded'")
        expect(page.locator(".empty:visible")).to_have_count(0, timeout=30_000)  # plots are drawn
        page.wait_for_function(STILL)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert not complaints, complaints
