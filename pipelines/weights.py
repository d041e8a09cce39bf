"""Where weights come from: assets/<name>/ with its card.json, or the hub where that is wanted."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pipelines.runtime import device

ASSETS = Path(__file__).resolve().parent.parent / "assets"
MODES = ("auto", "embedded", "hub")
"""What NINE_PAPERS_MODELS may say; `app.py --models` sets it."""


class WeightsError(RuntimeError):
    """A weight file is not the one that its card describes."""


def source(asked: bool = False) -> Literal["embedded", "hub"]:
    """Which models to use; `asked` is whether the visitor asks for the published, large ones.

    They come from the hub only on a GPU, and only if asked for: by the visitor, or for every visitor by
    NINE_PAPERS_MODELS=hub. NINE_PAPERS_MODELS=embedded forbids them. Any other word there is a ValueError.
    """
    mode = os.environ.get("NINE_PAPERS_MODELS", "auto")
    if mode not in MODES:
        raise ValueError(f"NINE_PAPERS_MODELS is {mode!r}, not one of {', '.join(MODES)}")
    wanted = mode == "hub" or (mode == "auto" and asked)
    return "hub" if wanted and device() == "cuda" else "embedded"


def asset(name: str, file: str) -> Path:
    """Path of a file that ships in assets/<name>/. Raises FileNotFoundError if it does not."""
    path = ASSETS / name / file
    if not path.is_file():
        raise FileNotFoundError(f"assets/{name}/{file} is missing; a full clone has it")
    return path


def weights_file(name: str, file: str) -> Path:
    """Path of a weight file in assets/<name>/, checked against card.json once per process.

    Raises FileNotFoundError if it is missing, WeightsError if the card gives another hash for it, or none.
    """
    path = asset(name, file)
    entry = read_card(name).get("files", {}).get(file, {})
    if "sha256" not in entry:
        raise WeightsError(f"assets/{name}/card.json does not say which hash {file} has")
    if _hash_once(path) != entry["sha256"]:
        raise WeightsError(
            f"assets/{name}/{file} is not the file that its card.json describes: it is damaged or of another "
            "version. Fetch it again; after training anew, refresh_card writes its new hash."
        )
    return path


def read_card(name: str) -> dict[str, Any]:
    """The card.json of an asset: what the model is, its data, its licence, its hashes and its metrics."""
    return json.loads(asset(name, "card.json").read_text(encoding="utf-8"))


def write_card(name: str, card: dict[str, Any]) -> None:
    """Write card.json, with the present sha256 and size of every file that card["files"] names."""
    for file, entry in card.get("files", {}).items():
        path = asset(name, file)
        entry["sha256"] = sha256(path)
        entry["bytes"] = path.stat().st_size
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (ASSETS / name / "card.json").write_text(text, encoding="utf-8")


def refresh_card(name: str) -> None:
    """Write the hashes and sizes in card.json anew, after training."""
    write_card(name, read_card(name))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_hash_once = cache(sha256)
