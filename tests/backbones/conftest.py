"""A small stand-in for the mesh collection, and tiny networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.backbones import objects, sentences
from pipelines.backbones.diffusion_data import CaptionTable, caption_texts
from pipelines.backbones.raster import OWN_COLOUR, Mesh
from pipelines.backbones.shapes import box, ellipsoid, join, moved


def _mesh(shapes, colours) -> Mesh:
    vertices, faces = join(shapes)
    counts = [len(faces) for _, faces in shapes]
    painted = np.repeat(np.asarray(colours, float), counts, axis=0)
    return Mesh(vertices, faces, painted, np.full(len(faces), OWN_COLOUR), np.ones(len(faces)))


@pytest.fixture(scope="session")
def pack(tmp_path_factory) -> Path:
    """A directory with objects.npz of a ball with a small knob, and of a van in two colours."""
    ball = [ellipsoid((0.4, 0.4, 0.4)), moved(box((0.1, 0.1, 0.1)), y=0.4)]
    van = [box((0.3, 0.3, 0.7)), moved(box((0.2, 0.1, 0.2)), y=0.2)]
    rows = [
        {"name": name, "category": category, "base_object": base}
        for name, category, base in (
            ("pumpkin", "food", "pumpkin"),
            ("red van", "vehicle", "van"),
            ("blue van", "vehicle", "van"),
        )
    ]
    meshes = [
        _mesh(ball, [(0.9, 0.5, 0.1), (0.2, 0.5, 0.2)]),
        _mesh(van, [(0.3, 0.3, 0.3), (0.8, 0.1, 0.1)]),
        _mesh(van, [(0.3, 0.3, 0.3), (0.1, 0.1, 0.8)]),
    ]
    directory = tmp_path_factory.mktemp("pack")
    objects.write_pack(rows, meshes, directory / objects.PACK)
    return directory


@pytest.fixture(scope="session")
def object_set(pack) -> objects.ObjectSet:
    return objects.load(pack)


class HashEncoder:
    """Stands in for the sentence encoder: every word has random states fixed by its letters."""

    class Tokenizer:
        def __call__(self, texts):
            return {"input_ids": [text.split() for text in texts]}

    tokenizer = Tokenizer()

    def encode(self, texts) -> sentences.SentenceStates:
        tokens = max(1, *(len(text.split()) for text in texts))
        states = torch.zeros(len(texts), tokens, sentences.WIDTH)
        mask = torch.zeros(len(texts), tokens, dtype=torch.bool)
        mask[:, 0] = True
        for row, text in enumerate(texts):
            for column, word in enumerate(text.split()):
                generator = torch.Generator().manual_seed(sum(i * ord(c) for i, c in enumerate(word, 1)))
                states[row, column] = torch.randn(sentences.WIDTH, generator=generator)
                mask[row, column] = True
        return sentences.SentenceStates(states, mask, torch.nn.functional.normalize(states.sum(dim=1), dim=1))


@pytest.fixture(scope="session")
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture(scope="session")
def table(object_set, encoder) -> CaptionTable:
    return CaptionTable.encode(caption_texts(object_set, limit=60), encoder)
