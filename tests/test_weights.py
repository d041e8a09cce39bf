"""Where weights come from, and that a file is the one that its card describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines import weights
from pipelines.weights import WeightsError, refresh_card, source, weights_file


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An asset "toy" of one file."""
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/net.safetensors").write_bytes(b"weights")
    (tmp_path / "toy/card.json").write_text(json.dumps({"files": {"net.safetensors": {}}}))
    return tmp_path


def test_the_file_of_the_card_is_handed_out(assets: Path) -> None:
    refresh_card("toy")
    assert weights_file("toy", "net.safetensors").read_bytes() == b"weights"


def test_another_file_is_refused(assets: Path) -> None:
    refresh_card("toy")
    (assets / "toy/net.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=r"assets/toy/net\.safetensors is not the file"):
        weights_file("toy", "net.safetensors")


def test_a_file_without_a_hash_is_refused(assets: Path) -> None:
    with pytest.raises(WeightsError, match="which hash"):
        weights_file("toy", "net.safetensors")


def test_a_missing_file_is_told(assets: Path) -> None:
    with pytest.raises(FileNotFoundError, match="full clone"):
        weights_file("toy", "other.safetensors")


def test_a_file_is_hashed_once(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh_card("toy")
    weights_file("toy", "net.safetensors")
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    hashed = weights._hash_once(assets / "toy/net.safetensors")
    assert hashed == weights._hash_once(assets / "toy/net.safetensors")


@pytest.mark.parametrize(
    ("mode", "asked", "device", "expected"),
    [
        (None, False, "cuda", "embedded"),
        (None, True, "cuda", "hub"),
        (None, True, "cpu", "embedded"),
        ("auto", True, "cuda", "hub"),
        ("embedded", True, "cuda", "embedded"),
        ("hub", False, "cuda", "hub"),
        ("hub", True, "cpu", "embedded"),
    ],
)
def test_the_hub_is_used_only_on_a_gpu_and_if_asked(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, asked: bool, device: str, expected: str
) -> None:
    monkeypatch.delenv("NINE_PAPERS_MODELS", raising=False)
    if mode is not None:
        monkeypatch.setenv("NINE_PAPERS_MODELS", mode)
    monkeypatch.setattr(weights, "device", lambda: device)
    assert source(asked) == expected


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINE_PAPERS_MODELS", "huge")
    with pytest.raises(ValueError, match="'huge'"):
        source()
