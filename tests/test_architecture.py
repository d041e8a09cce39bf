"""Arrows point one way: app, tabs, pipelines/<name>, pipelines/backbones, then runtime, weights, errors."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAPERS = {"consensus", "sjc", "glancenets", "logicgates", "spade", "dr3d", "sinddm", "datid3d", "bartsmiles"}
SOURCES = sorted([ROOT / "app.py", *(ROOT / "tabs").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")])


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any level."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute, so that this test sees them"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imports(path))


def parts(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).with_suffix("").parts


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(parts(path)))
def test_arrows_point_one_way(path: Path) -> None:
    room = parts(path)
    if room[0] == "pipelines":
        assert not reaches(path, "gradio"), "a pipeline knows nothing of the page"
        assert not reaches(path, "tabs")
        paper = room[1] if room[1] in PAPERS else None
        for other in PAPERS - {paper}:
            assert not reaches(path, f"pipelines.{other}"), f"reaches into {other}"
    if room[0] in ("tabs", "app"):
        assert not reaches(path, "torch"), "torch waits until a handler needs it"
    if room[0] == "tabs":
        assert not reaches(path, "app")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(parts(path)))
def test_no_pickle_is_loaded(path: Path) -> None:
    assert not reaches(path, "pickle")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = [keyword for keyword in node.keywords if keyword.arg == "weights_only"]
            assert safe and ast.literal_eval(safe[0].value) is True


def test_the_page_is_built_without_torch() -> None:
    """Building the page must not import torch: it costs seconds that a first visitor would wait."""
    code = "import sys, app; app.build_app(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_app_reads_like_a_table_of_contents() -> None:
    assert (ROOT / "app.py").read_text(encoding="utf-8").count("\n") < 100
