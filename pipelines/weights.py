"""Where embedded weights come from: assets/<name>/ with its card.json."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def asset(name: str, file: str) -> Path:
    """Path of a file that ships in assets/<name>/. Raises FileNotFoundError if it does not."""
    path = ASSETS / name / file
    if not path.is_file():
        raise FileNotFoundError(f"assets/{name}/{file} is missing; a full clone has it")
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


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
