"""JSON of what is computed once and shown before torch is there: readings, maps; thresholds and probes."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pipelines.glancenets.probes import Probe
from pipelines.glancenets.readings import Answer, Gate, LatentMap, LeakMeter, Matrix, Reading
from pipelines.glancenets.worlds import WORLDS
from pipelines.runtime import load_once
from pipelines.weights import asset, read_card

if TYPE_CHECKING:  # torch is not to be imported for the page
    from pipelines.glancenets import osr

NAMES = {"glancenet": "GlanceNet", "cbnm": "CBNM"}


@dataclass(frozen=True)
class Fitted:
    """What was fitted to one seed's networks after training."""

    reconstruction: float
    """η_r."""
    prototypes: np.ndarray
    """float [classes], η_y."""
    opaque: float
    """η_o."""
    reach: dict[str, np.ndarray]
    """"glancenet", "cbnm" -> float [2, k]: ends of the concepts' codes, 0.5 % of training beyond each."""
    probes: dict[str, Probe]
    """"glancenet", "cbnm" -> the leak question's probe."""

    def thresholds(self) -> osr.Thresholds:
        """The three limits as tensors."""
        import torch

        from pipelines.glancenets.osr import Thresholds

        return Thresholds(
            torch.tensor(self.reconstruction),
            torch.tensor(self.prototypes, dtype=torch.float32),
            torch.tensor(self.opaque),
        )

    def to_json(self) -> dict[str, Any]:
        return _plain(asdict(self))

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Fitted:
        return cls(
            reconstruction=stored["reconstruction"],
            prototypes=np.array(stored["prototypes"]),
            opaque=stored["opaque"],
            reach={kind: np.array(ends) for kind, ends in stored["reach"].items()},
            probes={
                kind: Probe(np.array(probe["weights"]), probe["bias"])
                for kind, probe in stored["probes"].items()
            },
        )


@load_once
def _read(file: str) -> dict[str, Any]:
    return json.loads(asset("glancenets", file).read_text(encoding="utf-8"))


def fitted(world: str, seed: int) -> Fitted:
    """Thresholds and probes of an embedded seed."""
    return Fitted.from_json(_read("fitted.json")[world][str(seed)])


def latent_map(world: str) -> LatentMap:
    """See `pipelines.glancenets.latent_map`."""
    stored = _read("maps.json")[world]
    arrays = {name: np.array(value) for name, value in stored.items() if isinstance(value, list)}
    return LatentMap(**{**stored, **arrays, "axes": tuple(stored["axes"])})


def map_to_json(made: LatentMap) -> dict[str, Any]:
    """What `latent_map` reads."""
    return _plain(asdict(made))


def first(world: str) -> Reading:
    """See `pipelines.glancenets.first`."""
    return reading_from_json(_read("first.json")[world])


def alignment() -> tuple[Matrix, ...]:
    """See `pipelines.glancenets.alignment`."""
    runs = [run for run in _read("study.json")["runs"] if run["seed"] == 0]
    shipped = read_card("glancenets")["metrics"]["alignment_embedded"]
    return tuple(_matrix(run, True) for run in shipped) + tuple(_matrix(run, False) for run in runs)


def _matrix(run: dict[str, Any], shipped: bool) -> Matrix:
    names = tuple(concept.name for concept in WORLDS["faces"].concepts)
    return Matrix(
        model=NAMES[run["model"]],
        supervision=run["supervision"],
        rows=names,
        columns=names,
        weights=np.array(run["weights"]),
        alignment=run["alignment"],
        explicitness=run["explicitness"],
        shipped=shipped,
    )


def leakage(world: str) -> LeakMeter:
    """See `pipelines.glancenets.leakage`."""
    return LeakMeter(question=WORLDS[world].leak.text, **read_card("glancenets")["metrics"]["leakage"][world])


def reading_to_json(reading: Reading) -> dict[str, Any]:
    """Plain values; pictures as PNG in base64."""
    stored = _plain({field.name: getattr(reading, field.name) for field in fields(reading)})
    for name in ("picture", "reconstruction"):
        stored[name] = _png(getattr(reading, name))
    for name in ("glancenet", "bottleneck"):
        stored[name] = _plain(asdict(getattr(reading, name)))
    stored["gates"] = [asdict(gate) for gate in reading.gates]
    return stored


def reading_from_json(stored: dict[str, Any]) -> Reading:
    """What `reading_to_json` gave, but for the rounding."""
    arrays = {name: np.array(value) for name, value in stored.items() if isinstance(value, list)}
    answers = {
        name: Answer(**{part: np.array(values) for part, values in stored[name].items()})
        for name in ("glancenet", "bottleneck")
    }
    pictures = {name: _pixels(stored[name]) for name in ("picture", "reconstruction")}
    gates = tuple(Gate(**gate) for gate in stored["gates"])
    return Reading(**{**stored, **arrays, **answers, **pictures, "gates": gates, "corrected": ()})


def _plain(value: Any) -> Any:
    """Arrays and floats to JSON, six digits."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}")
    return int(value) if isinstance(value, np.integer) else value


def _png(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def _pixels(png: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        return np.asarray(picture)
