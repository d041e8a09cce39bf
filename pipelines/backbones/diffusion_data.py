"""The training images of the text-to-image model, made on the fly: scenes, views, lights, captions.

`python -m pipelines.backbones.diffusion_data --data DIR --out DIR` packs what training needs (meshes, and
the sentence encoder cut to the words that occur) into 24 MB, to train on a machine without network.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipelines.backbones import objects, sentences
from pipelines.backbones.cameras import ELEVATION_RANGE
from pipelines.backbones.captions import VIEWS, view_word, wordings
from pipelines.backbones.diffusion import Text
from pipelines.backbones.objects import ObjectSet
from pipelines.backbones.raster import AMBIENT, LIGHT, Lighting, render

CAPTION_DROP, VIEW_DROP = 0.10, 0.15
# How often the caption says the view in words, where the continuous view is given and where it is not.
VIEW_WORD_BESIDE_VIEW, VIEW_WORD_ALONE = 0.25, 0.6
COLOUR_JITTER, LIGHT_JITTER, AMBIENT_JITTER = 0.02, 0.12, 0.04
RENDER_CHUNK = 256
ENCODER = "minilm"


@dataclass(frozen=True)
class Block:
    """n training images: images uint8 [n, 3, s, s]; captions int64 [n], rows of the CaptionTable; views
    float32 [n, 2], azimuth and elevation in radians, NaN where the model isn't told."""

    images: torch.Tensor
    captions: torch.Tensor
    views: torch.Tensor

    def to(self, device: str) -> Block:
        return Block(self.images.to(device), self.captions.to(device), self.views.to(device))

    def rows(self, index: torch.Tensor) -> Block:
        return Block(self.images[index], self.captions[index], self.views[index])


class CaptionTable:
    """Every caption of an object set with its token states, encoded once.

    texts: row 0 is the empty caption. states float16 [rows, tokens, 384], mask bool [rows, tokens], pooled
    float16 [rows, 384].
    """

    def __init__(
        self, texts: list[str], states: torch.Tensor, mask: torch.Tensor, pooled: torch.Tensor
    ) -> None:
        self.texts, self.states, self.mask, self.pooled = texts, states, mask, pooled
        self.row = {text: row for row, text in enumerate(texts)}

    @classmethod
    def encode(cls, texts: list[str], encoder: sentences.SentenceEncoder, batch: int = 256) -> CaptionTable:
        """Encode `texts`; long and short ones apart, so that little is padded."""
        lengths = [len(ids) for ids in encoder.tokenizer(texts)["input_ids"]]
        shape = (len(texts), max(lengths))
        states = torch.zeros(*shape, sentences.WIDTH, dtype=torch.float16)
        mask = torch.zeros(shape, dtype=torch.bool)
        pooled = torch.zeros(len(texts), sentences.WIDTH, dtype=torch.float16)
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            encoded = encoder.encode([texts[row] for row in rows])
            tokens = encoded.mask.shape[1]
            states[rows, :tokens] = (encoded.states * encoded.mask[..., None]).half().cpu()
            mask[rows, :tokens] = encoded.mask.cpu()
            pooled[rows] = encoded.pooled.half().cpu()
        return cls(texts, states, mask, pooled)

    def save(self, file: Path) -> None:
        tensors = {"states": self.states, "mask": self.mask, "pooled": self.pooled}
        save_file(tensors, file, {"texts": _digest(self.texts)})

    @classmethod
    def load(cls, texts: list[str], file: Path) -> CaptionTable | None:
        """The table of exactly these texts, or None if the file is missing or of others."""
        if not file.is_file():
            return None
        with safe_open(file, "pt") as stored:
            if stored.metadata()["texts"] != _digest(texts):
                return None
            return cls(texts, *(stored.get_tensor(key) for key in ("states", "mask", "pooled")))

    def to(self, device: str) -> CaptionTable:
        return CaptionTable(self.texts, self.states.to(device), self.mask.to(device), self.pooled.to(device))

    def text(self, rows: torch.Tensor) -> Text:
        """The condition for the captions in `rows` [n]."""
        return Text(self.states[rows].float(), self.mask[rows], self.pooled[rows].float())


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def caption_texts(object_set: ObjectSet, limit: int | None = None) -> list[str]:
    """Every caption that training can use, "" first; of the first `limit` scenes only, if given."""
    seen = {
        text
        for scene in object_set.scenes[:limit]
        if scene.weight > 0
        for view in ("", *VIEWS)
        for text in wordings(scene.subject, view)
    }
    return ["", *sorted(seen)]


class TrainingSet:
    """Draws blocks of images. Block b is a function of the seed and b alone, however many threads render
    it."""

    def __init__(self, object_set: ObjectSet, table: CaptionTable, size: int, seed: int) -> None:
        self.objects, self.table, self.size, self.seed = object_set, table, size, seed
        chosen = [s for s in object_set.scenes if s.weight > 0 and wordings(s.subject)[0] in table.row]
        self._scenes = chosen
        self._colours = np.stack([object_set.slot_colours(scene) for scene in chosen])
        self._cumulative = np.cumsum([scene.weight for scene in chosen])
        self._captions = [
            {view: [table.row[text] for text in wordings(scene.subject, view)] for view in ("", *VIEWS)}
            for scene in chosen
        ]

    def block(self, number: int, count: int, pool: ThreadPoolExecutor | None = None) -> Block:
        """Block `number` of `count` images; number -1 is the validation block."""
        rng = np.random.default_rng([self.seed, number + 1])
        picks = np.searchsorted(self._cumulative, rng.uniform(0, self._cumulative[-1], count))
        meshes = np.array([self._scenes[p].meshes[rng.integers(len(self._scenes[p].meshes))] for p in picks])
        azimuth = rng.uniform(-np.pi, np.pi, count)
        elevation = rng.uniform(*ELEVATION_RANGE, count)
        colours = np.clip(self._colours[picks] + rng.normal(0, COLOUR_JITTER, (count, 2, 3)), 0, 1).astype(
            np.float32
        )
        direction = LIGHT + rng.normal(0, LIGHT_JITTER, (count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        ambient = AMBIENT + rng.normal(0, AMBIENT_JITTER, count)

        def draw(part: slice) -> np.ndarray:
            light = Lighting(direction[part].astype(np.float32), ambient[part].astype(np.float32))
            rgb, _, _ = render(
                self.objects.bank,
                meshes[part],
                azimuth[part],
                elevation[part],
                self.size,
                colours[part],
                light,
            )
            return rgb

        parts = [slice(start, start + RENDER_CHUNK) for start in range(0, count, RENDER_CHUNK)]
        images = np.concatenate(list(pool.map(draw, parts) if pool else map(draw, parts)))
        views, captions = self._conditions(rng, picks, azimuth, elevation)
        return Block(
            torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(captions), torch.from_numpy(views)
        )

    def _conditions(self, rng, picks, azimuth, elevation) -> tuple[np.ndarray, np.ndarray]:
        count = len(picks)
        views = np.stack([azimuth, elevation], axis=1).astype(np.float32)
        hidden = rng.random(count) < VIEW_DROP
        views[hidden] = np.nan
        said = rng.random(count) < np.where(hidden, VIEW_WORD_ALONE, VIEW_WORD_BESIDE_VIEW)
        choice = rng.random(count)
        captions = np.zeros(count, np.int64)
        for i in np.flatnonzero(rng.random(count) >= CAPTION_DROP):
            word = view_word(azimuth[i], elevation[i]) if said[i] else ""
            possible = self._captions[picks[i]][word]
            captions[i] = possible[int(choice[i] * len(possible))]
        return views, captions

    def blocks(self, first: int, count: int, workers: int) -> Iterator[Block]:
        """Blocks first, first + 1, ...; with `workers` > 0 threads, two are rendered ahead."""
        if workers == 0:
            while True:
                yield self.block(first, count)
                first += 1
        with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(2) as ahead:
            submit = partial(ahead.submit, self.block, count=count, pool=pool)
            waiting: list[Future[Block]] = [submit(first), submit(first + 1)]
            try:
                while True:
                    yield waiting.pop(0).result()
                    first += 1
                    waiting.append(submit(first + 1))
            finally:
                for future in waiting:
                    future.cancel()


def load_encoder(data: Path) -> sentences.SentenceEncoder:
    """The sentence encoder packed in `data`, if there is one, else the installed one."""
    packed = data / ENCODER
    return sentences.SentenceEncoder(packed) if packed.is_dir() else sentences.load()


def main() -> None:
    parser = argparse.ArgumentParser(description="Pack meshes and sentence encoder for training elsewhere.")
    parser.add_argument("--data", type=Path, required=True, help="directory with captions.csv and glb/")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    objects.write_pack(*objects.read_directory(arguments.data), arguments.out / objects.PACK)
    texts = caption_texts(objects.load(arguments.out))
    sentences.save_trimmed(sentences.load(), texts, arguments.out / ENCODER)
    size = sum(file.stat().st_size for file in arguments.out.rglob("*") if file.is_file())
    print(f"{arguments.out}: {len(texts)} captions, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
