"""A set of pictures from encoder to result: patch features, heat-maps, SPADE on pooled features."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from pipelines.spade.analysis import Outcome, outcome
from pipelines.spade.columns import Features
from pipelines.spade.labels import ANOMALY, UNKNOWN, WORDS, guess_value
from pipelines.spade.method import Mode
from pipelines.spade.patches import Embedding, PatchEncoder, heat_maps, heat_pixels, joint_heat, pooled
from pipelines.spade.pictures import Pictures
from pipelines.spade.summary import Reason, Summary, summarise
from pipelines.weights import source

SHOWN = 12
"""Pictures with a heat-map."""
BATCH = 16
ENCODERS = ("embedded", "hub")


@dataclass(frozen=True, eq=False)
class PicturesReport:
    """The result for pictures; the fields that a table's report has too mean the same."""

    pictures: Pictures
    features: Features
    outcome: Outcome
    top: np.ndarray
    heat: np.ndarray
    """Patch density per pixel of the top pictures, float32 [top, 128, 128], in [0, 1] of the set's range."""
    thing: str = "picture"

    @cached_property
    def summary(self) -> Summary:
        """What the page shows of it."""
        return summarise(self)

    @property
    def original(self) -> pd.DataFrame:
        """A row per picture: file, label, and truth where some are told."""
        columns = {"file": self.pictures.names, "label": [WORDS[int(label)] for label in self.pictures.y]}
        if any(self.pictures.truth):
            columns["truth"] = self.pictures.truth
        return pd.DataFrame(columns, dtype=str)

    @property
    def name(self) -> str:
        return self.pictures.name

    @property
    def row_names(self) -> tuple[str, ...]:
        return self.pictures.names

    @property
    def top_truth(self) -> tuple[str, ...]:
        """What truth.csv says of the top pictures."""
        if not any(self.pictures.truth):
            return ()
        return tuple(self.pictures.truth[i] for i in self.top)

    @property
    def column_facts(self) -> tuple[tuple[str, str, str], ...]:
        return ()

    def top_reasons(self, count: int) -> tuple[tuple[Reason, ...], ...]:
        """None: the heat-map is the reason."""
        return ()


def analyse_pictures(
    pictures: Pictures, mode: Mode = "robust", seed: int = 0, encoder: str = "embedded"
) -> Iterator[Progress | PicturesReport]:
    """Find the odd pictures and where they are odd. Yields Progress, finally a PicturesReport.

    encoder: "embedded", or "hub" for the paper's ResNet-18 where it can be had; else a note says why not.
    """
    start = time.monotonic()
    if (pictures.y != ANOMALY).sum() < 2:
        raise InputError(
            "Every picture is labelled anomaly.", "Add normal or unlabelled pictures.", "Pictures"
        )
    yield Progress(0, 1, "loading the encoder")
    net, note = yield from _encoder(encoder)
    embedding = yield from embed(pictures.images, net)
    good = pictures.y != ANOMALY
    report = Progress(0, 1, "densities of patches")
    maps = yield from in_background(lambda: heat_maps(embedding, good, seed), report)
    everything = np.ones(len(good), dtype=bool)
    X = yield from in_background(lambda: pooled(pictures.images, embedding, maps, everything), report)
    truth = missed = None
    if any(pictures.truth):
        truth, missed = _truth(pictures)
    types = np.where(pictures.y == ANOMALY, "anomaly", "")
    notes = [*pictures.notes, note]
    for report in outcome(X, pictures.y, mode, seed, notes, truth, missed, types):
        if isinstance(report, Progress):
            yield report
        else:
            result = replace(report, seconds=time.monotonic() - start)
    order = result.order[pictures.y[result.order] == UNKNOWN]
    top = (order if len(order) else result.order)[:SHOWN]
    heat = joint_heat(maps, good)
    low, high = np.quantile(heat, (0.85, 0.9995))
    shown = np.stack([heat_pixels(heat[i], low, high) for i in top])
    names = tuple(f"feature {i}" for i in range(X.shape[1]))
    yield PicturesReport(pictures, Features(X, np.arange(X.shape[1]), names), result, top, shown)


def embed(images: np.ndarray, encoder: PatchEncoder) -> Generator[Progress, None, Embedding]:
    """Features of uint8 [n, 128, 128, 3], batch by batch: `embedding = yield from embed(...)`."""
    parts = []
    for i in range(0, len(images), BATCH):
        yield Progress(i, len(images), "looking at pictures")
        parts.append(encoder.embed(images[i : i + BATCH]))
    return Embedding.joined(parts)


def _encoder(asked: str) -> Generator[Progress, None, tuple[PatchEncoder, str]]:
    """The encoder to use, and a line that says which it is, or why it is not the one asked for."""
    if asked not in ENCODERS:
        raise InputError("There is no such encoder.", f"Choose one of: {', '.join(ENCODERS)}.", "Encoder")
    why = ""
    if source(asked == "hub") == "hub":
        from pipelines.spade import hub

        try:
            net = yield from in_background(hub.load, Progress(0, 1, "fetching ResNet-18"))
            return net, f"Pictures are seen by {hub.REPOSITORY}, revision {hub.REVISION[:7]}."
        except (OSError, RuntimeError):  # not there, or too large for the GPU
            why = "ResNet-18 could not be fetched"
    elif asked == "hub":
        why = "ResNet-18 needs a GPU, and none is offered here"
    from pipelines.spade import encoder

    note = f"{why}: the embedded encoder was used." if why else "Pictures are seen by the embedded encoder."
    return (yield from in_background(encoder.load, Progress(0, 1, "loading the encoder"))), note


def _truth(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    meaning = np.array([guess_value(word) if word else "" for word in pictures.truth])
    truth = np.select([meaning == "anomaly", meaning == "normal"], [1, 0], -1)
    words = np.array(pictures.truth)
    given = set(words[pictures.y == ANOMALY])
    truth = np.where(pictures.y == UNKNOWN, truth, -1)
    return truth, (truth == 1) & ~np.isin(words, list(given))
