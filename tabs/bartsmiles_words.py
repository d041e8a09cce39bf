"""How the molecule tab speaks of the six properties: names, ends of the scale, values in plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pipelines.bartsmiles import AS_WRITTEN, FAR, TASKS, Reading, Task


@dataclass(frozen=True)
class Words:
    """Where a property's values lie, and what the ends mean."""

    low: float
    high: float
    ends: tuple[str, str]
    push: tuple[str, str]
    """What a blue atom does, and an orange one."""


WORDS = {
    "esol": Words(-9, 1, ("hardly dissolves", "dissolves well"), ("less soluble", "more soluble")),
    "freesolv": Words(-15, 4, ("likes water", "shuns water"), ("likes water more", "shuns water more")),
    "lipophilicity": Words(-1.5, 5, ("likes water", "likes fat"), ("less fatty", "more fatty")),
    "bbbp": Words(0, 1, ("stays out", "passes"), ("keeps it out", "lets it pass")),
    "bace": Words(0, 1, ("inactive", "inhibits"), ("less active", "more active")),
    "clintox": Words(0, 1, ("passed", "failed"), ("speaks against it", "speaks for it")),
}
METHODS = (("Integrated Gradients", "integrated gradients"), ("Occlusion", "occlusion"))
WEAK = 0.7
"""Heads with a lower AUC on new scaffolds are marked: their maps tell little."""


def task_of(head: str) -> Task:
    """A task by its name, ClinTox as written among them. Raises KeyError."""
    return {task.name: task for task in (*TASKS, AS_WRITTEN)}[head]


def unit(task: Task) -> str:
    """The unit of a map: raw units, or logits of a class."""
    return task.unit if task.kind == "regression" else "logits"


def number(value: float, digits: int = 2) -> str:
    """A signed number with a true minus; nothing is −0.00."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, whichever."""
    text = number(value, digits)
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"


def value_says(task: Task, value: float, weight: float) -> str:
    """A predicted value in its unit, a solubility in grams as well; `weight` is the molar mass in g/mol."""
    if task.kind == "classification":
        return "< 1 %" if value < 0.01 else "> 99 %" if value > 0.99 else f"{100 * value:.0f} %"
    return f"{number(value)} {task.unit}{_grams(value, weight) if task.name == 'esol' else ''}"


def _grams(logs: float, weight: float) -> str:
    """Solubility in grams per litre: 10^logS mol/l times the molar mass."""
    grams = 10**logs * weight
    if grams >= 1000:
        return ", very soluble"
    for size, name in ((1.0, "g"), (1e-3, "mg"), (1e-6, "µg")):
        if grams >= size:
            return f", about {_two_digits(grams / size)} {name}/l"
    return ", next to nothing"


def _two_digits(value: float) -> str:
    rounded = round(value, 1 - math.floor(math.log10(value)))
    return f"{rounded:.0f}" if rounded >= 10 else f"{rounded:.1f}"


def badge(task: Task, card: dict[str, Any]) -> str:
    """A head's score on molecules with new ring systems, and that of trees; "" if it is not measured."""
    score = measured(task, card)
    if score is None:
        return ""
    trees = [value for value in card.get("baselines", {}).get(task.name, {}).values() if value is not None]
    best = min if task.kind == "regression" else max
    kind = "RMSE" if task.kind == "regression" else "AUC"
    beside = f", trees {best(trees):.2f}" if trees else ""
    return f"{kind} {score:.2f}{beside}"


def measured(task: Task, card: dict[str, Any]) -> float | None:
    """The score of a head on its scaffold split, from the card."""
    metrics = card.get("metrics") or {}
    if task.neutralised:
        return metrics.get("clintox_neutralised_auc")
    return metrics.get(f"{task.name}_scaffold_{'rmse' if task.kind == 'regression' else 'auc'}")


def is_weak(task: Task, card: dict[str, Any]) -> bool:
    """Whether a class head is hardly better than a guess on new scaffolds."""
    score = measured(task, card)
    return task.kind == "classification" and score is not None and score < WEAK


def position(task: Task, value: float) -> float:
    """Where a value stands on its scale, in [0, 1]."""
    words = WORDS[task.name]
    return min(1.0, max(0.0, (value - words.low) / (words.high - words.low)))


def is_far(reading: Reading) -> str:
    """A warning if a molecule is unlike all that was learnt, else ""."""
    if reading.similarity >= FAR:
        return ""
    return (
        f"Unlike everything it learnt from: the nearest training molecule has a Tanimoto similarity of "
        f"{reading.similarity:.2f}. Take the numbers as a guess."
    )
