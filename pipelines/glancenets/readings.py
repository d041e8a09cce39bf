"""What a reading holds: plain arrays and words, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Rule = Literal["paper", "extended"]
RULES: tuple[Rule, ...] = ("paper", "extended")
"""The paper's rule tests reconstruction and prototypes; ours also the norm of the opaque code."""


@dataclass(frozen=True)
class Gate:
    """One test of open-set recognition: passed if `value` is below `limit`."""

    name: Literal["reconstruction", "prototype", "opaque"]
    value: float
    """||x - x̂||, or the least of ||μ_y - z_J|| / η_y over the classes, or ||z_opaque||."""
    limit: float
    """η_r, or 1, or η_o."""

    @property
    def ratio(self) -> float:
        """Value over limit: 1 is the border; 1.3 is 30 % too much."""
        return self.value / self.limit

    @property
    def passed(self) -> bool:
        return self.value < self.limit


@dataclass(frozen=True)
class Verdict:
    """Whether a rule accepts a picture, by which tests."""

    rule: Rule
    gates: tuple[Gate, ...]

    @property
    def accepted(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The tests that refused, the worst first."""
        return tuple(sorted((gate for gate in self.gates if not gate.passed), key=lambda gate: -gate.ratio))


@dataclass(frozen=True)
class Answer:
    """What one network says of its concepts."""

    values: np.ndarray
    """float [k], concepts in [0, 1]: σ(z_j)."""
    probabilities: np.ndarray
    """float [classes]."""
    contributions: np.ndarray
    """float [classes, k], w_yj · tanh(z_j / 2); with `bias` a row sums to the class's logit."""
    bias: np.ndarray
    """float [classes]."""

    @property
    def prediction(self) -> int:
        return int(self.probabilities.argmax())


@dataclass(frozen=True)
class Reading:
    """A GlanceNet's reading of one picture, with the concept-bottleneck net's beside it."""

    world: str
    picture: np.ndarray
    """uint8, World.shape: what the nets saw."""
    mu: np.ndarray
    """float [k + opaque], mean of the code q(z | x); concepts first."""
    sigma: np.ndarray
    """float [k + opaque], its standard deviation."""
    glancenet: Answer
    bottleneck: Answer
    """The CBNM's."""
    low: np.ndarray
    """float [k], σ(μ - σ): the GlanceNet's concepts less one standard deviation."""
    high: np.ndarray
    """float [k], σ(μ + σ)."""
    reconstruction: np.ndarray
    """uint8, World.shape: the decoded code; after an intervention, the decoded new code."""
    distances: np.ndarray
    """float [classes], ||μ_y - z_J|| / η_y: below 1 inside a prototype's ball."""
    gates: tuple[Gate, Gate, Gate]
    """Reconstruction, prototype, opaque. They judge the picture, so an intervention leaves them."""
    leaked: np.ndarray
    """float [2, 2]: probability of each answer to World.leak, from the GlanceNet's concepts and from the
    CBNM's. Answering it at all is the leak; the probe learned from pictures outside the training world."""
    corrected: tuple[str, ...] = ()
    """Concepts that the visitor set."""

    def verdict(self, rule: Rule = "paper") -> Verdict:
        """The gates that the rule uses."""
        return Verdict(rule, self.gates if rule == "extended" else self.gates[:2])


@dataclass(frozen=True)
class Sample:
    """A drawn picture with the truth about it."""

    picture: np.ndarray
    truth: dict[str, float]
    """Every factor by name, concepts in [0, 1], held-out ones within their own limits."""
    label: int
    """Its class; -1 where it is none of them (digits other than 4 and 5)."""


@dataclass(frozen=True)
class LatentMap:
    """Training codes seen in a plane: the concepts themselves where there are two, else the plane in which
    the prototypes lie farthest apart."""

    axes: tuple[str, str]
    exact: bool
    """Whether inside a circle means inside the ball; a projection can only show outside as outside."""
    points: np.ndarray
    """float [n, 2], codes of training pictures."""
    labels: np.ndarray
    """int [n], their classes."""
    prototypes: np.ndarray
    """float [classes, 2]."""
    radii: np.ndarray
    """float [classes], η_y."""
    origin: np.ndarray
    """float [k]."""
    plane: np.ndarray
    """float [k, 2], orthonormal columns."""

    def project(self, mu: np.ndarray) -> np.ndarray:
        """float [2], where a code (the first k of mu are used) lies on the map."""
        return (mu[: len(self.origin)] - self.origin) @ self.plane


@dataclass(frozen=True)
class Matrix:
    """Which concept tells which factor: a Hinton diagram."""

    model: Literal["GlanceNet", "CBNM"]
    supervision: float
    """Share of the training pictures whose concepts were labelled."""
    rows: tuple[str, ...]
    """Concept dimensions of the code."""
    columns: tuple[str, ...]
    """True factors."""
    weights: np.ndarray
    """float [rows, columns], |coefficients| of the Lasso from concepts to factors."""
    alignment: float
    explicitness: float
    shipped: bool
    """Whether it is of the embedded model; else of a run of the study (first seed)."""


@dataclass(frozen=True)
class LeakMeter:
    """Measured leakage in a world, all in [0, 1]: 2 |accuracy - 1/2| of a probe, 0 is chance."""

    question: str
    bottleneck: float
    no_rejection: float
    """The GlanceNet's concepts, every picture answered."""
    paper_rule: float
    extended_rule: float
    coverage_paper: float
    """Share of the pictures outside the training world that are accepted all the same."""
    coverage_extended: float
    kept_paper: float
    """Share of the unseen pictures inside the training world that are accepted."""
    kept_extended: float
    reported_bottleneck: float | None
    """The paper's figures for its own nets; None where it has no such test."""
    reported_no_rejection: float | None
    reported_glancenet: float | None
    right_if_accepted_paper: float | None
    """How often the probe is right of the pictures from outside that are accepted; None if there are none."""
    right_if_accepted_extended: float | None
    seeds: int
    """Of which the figures are means."""
    ranges: dict[str, list[float]]
    """Least and largest over the seeds, of the first four figures by name."""
    passed: dict[str, dict[str, float]]
    """Digit, or of faces the held-out factor that is unlike training -> rule -> share accepted."""
