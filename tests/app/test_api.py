"""Every endpoint through gradio_client, with good input and bad: a message comes back, the app stays up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pipelines.logicgates import mnist
from tabs.drawing import to_drawing


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    client = Client(server, verbose=False)
    yield client
    client.close()


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "seven.png"
    Image.fromarray(255 - mnist("test")[0][0]).resize((200, 200)).save(path)
    return path


DRAWING = to_drawing(mnist("test")[0][0])


def test_the_endpoints_are_those_that_the_page_names(client: Client) -> None:
    names = set(client.view_api(return_format="dict")["named_endpoints"])
    parts = ("read", "cone", "race", "test", "train", "statistics", "export")
    mine = {name for name in names if name.startswith("/logicgates_")}
    assert mine == {f"/logicgates_{part}" for part in parts}


@pytest.mark.parametrize("net", ["fast", "small"])
def test_read(client: Client, seven: Path, net: str) -> None:
    _, votes, _, _ = client.predict(handle_file(seven), net, api_name="/logicgates_read")
    assert votes["prediction"] == 7
    assert len(votes["votes"]) == 10
    assert max(votes["votes"]) <= votes["group_size"]


def test_cone(client: Client) -> None:
    text, plot = client.predict(DRAWING, "fast", "7", api_name="/logicgates_cone")
    assert "Gate" in text
    assert plot["type"] == "plotly"


def test_test(client: Client) -> None:
    _, _, status = client.predict("small", api_name="/logicgates_test")
    assert "right" in status


def test_statistics_and_export(client: Client) -> None:
    assert len(client.predict("fast", api_name="/logicgates_statistics")) == 2
    *files, status = client.predict("fast", api_name="/logicgates_export")
    assert "Files ready" in status
    assert len(files) == 4


def test_train_streams_and_ends(client: Client) -> None:
    job = client.submit(6, 500, 2, True, "residual", 10, 0.02, 0, api_name="/logicgates_train")
    job.result(timeout=60)
    assert len(job.outputs()) > 3
    assert "right" in job.outputs()[-1][-1]


def bad_pictures(folder: Path) -> dict[str, Path]:
    paths = {name: folder / name for name in ("blank.png", "text.png", "huge.png")}
    Image.new("L", (64, 64), 255).save(paths["blank.png"])
    paths["text.png"].write_text("not a picture")
    Image.new("L", (9000, 9000), 255).save(paths["huge.png"])
    return paths


@pytest.mark.parametrize(
    ("name", "message"),
    [("blank.png", "shows no writing"), ("text.png", "not a picture"), ("huge.png", "too large")],
)
def test_bad_pictures_get_a_message(client: Client, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises((AppError, ValueError), match=message):
        client.predict(handle_file(bad_pictures(tmp_path)[name]), "fast", api_name="/logicgates_read")


@pytest.mark.parametrize(
    ("endpoint", "arguments"),
    [
        ("cone", ("", "fast", "7")),
        ("cone", ("data:image/png;base64,AAAA", "fast", "7")),
        ("cone", ("nonsense", "fast", "7")),
        ("cone", ("data:image/png;base64,é", "fast", "7")),
        ("cone", (5, "fast", "7")),
        ("cone", (DRAWING, "fast", "12")),
        ("test", ("nosuchnet",)),
        ("statistics", ("nosuchnet",)),
        ("export", ("../../etc/passwd",)),
        ("train", (5, 10**9, 2, True, "residual", 10, 0.02, 0)),
        ("train", (10**9, 500, 2, True, "residual", 10, 0.02, 0)),
        ("train", (5, 500, 2, True, "nonsense", 10, 0.02, 0)),
        ("train", (5, 500, 2, True, "residual", float("nan"), 0.02, 0)),
        ("train", (5, 500, 2, True, "residual", 10, -1, -5)),
    ],
)
def test_bad_arguments_get_a_message(client: Client, endpoint: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises((AppError, ValueError)) as failure:
        client.predict(*arguments, api_name=f"/logicgates_{endpoint}")
    assert "Traceback" not in str(failure.value)
    assert "on our side" not in str(failure.value), "the visitor's fault is told as such"


def test_the_server_is_still_up(client: Client, seven: Path) -> None:
    _, votes, _, _ = client.predict(handle_file(seven), "fast", api_name="/logicgates_read")
    assert votes["prediction"] == 7
