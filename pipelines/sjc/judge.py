"""The judge of results: an image-text model of its own that shares nothing with the text-to-image model.

Contrastive as CLIP is, but small: a CNN for 48-pixel views and a transformer over words for captions, both
trained from scratch by judge_train.py. It measures; nothing is ever optimised against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from pipelines.runtime import load_once
from pipelines.weights import weights_file

SIZE = 48
WIDTH = 128
FILE = "judge.safetensors"
QUADRANTS = ("front", "right", "back", "left")
STAGES = (32, 64, 128, 160)
MAX_WORDS = 12
TEXT_HEADS, TEXT_LAYERS, TEXT_HIDDEN = 4, 2, 256


class Judge(nn.Module):
    """Embeds views and captions in one space. `words`: every word it can read; row 0 stands for padding."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.words = tuple(words)
        self._row = {word: row for row, word in enumerate(self.words, start=1)}
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        before = 12
        for index, width in enumerate(STAGES):
            layers += [nn.Conv2d(before, width, 3, 2 if index else 1, 1), nn.GroupNorm(8, width), nn.SiLU()]
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(8, width), nn.SiLU()]
            before = width
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        spots = (SIZE // 2 // 2 ** (len(STAGES) - 1)) ** 2
        self.to_space = nn.Linear(before * spots, WIDTH)
        self.to_quadrant = nn.Linear(before * spots, len(QUADRANTS))
        self.word = nn.Embedding(len(self.words) + 1, WIDTH, padding_idx=0)
        self.place = nn.Parameter(torch.randn(MAX_WORDS, WIDTH) * 0.2)
        layer = nn.TransformerEncoderLayer(
            WIDTH, TEXT_HEADS, TEXT_HIDDEN, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.reader = nn.TransformerEncoder(layer, TEXT_LAYERS, enable_nested_tensor=False)
        self.from_words = nn.Linear(WIDTH, WIDTH)
        self.scale = nn.Parameter(torch.tensor(2.5))  # log of the inverse temperature

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [n, 3, SIZE, SIZE] in -1..1, white background -> unit vectors [n, WIDTH], and logits [n, 4]
        of the QUADRANTS of the azimuth (front is within 45° of azimuth 0)."""
        seen = self.trunk(images)
        return normalize(self.to_space(seen).float(), dim=1), self.to_quadrant(seen).float()

    def captions(self, texts: Sequence[str]) -> Tensor:
        """Captions -> unit vectors [n, WIDTH]. Words it was never taught are passed over; raises ValueError
        for a caption without any other."""
        return self.read(self.rows(texts))

    def rows(self, texts: Sequence[str]) -> Tensor:
        """Word numbers [n, MAX_WORDS], 0 where a caption has no more; see `captions`."""
        rows = torch.zeros(len(texts), MAX_WORDS, dtype=torch.long)
        for row, text in zip(rows, texts, strict=True):
            known = [self._row[word] for word in words_of(text) if word in self._row][:MAX_WORDS]
            if not known:
                raise ValueError(f"the judge knows no word of “{text}”")
            row[: len(known)] = torch.tensor(known)
        return rows

    def read(self, rows: Tensor) -> Tensor:
        """Word numbers [n, MAX_WORDS] -> unit vectors [n, WIDTH]."""
        empty = rows == 0
        states = self.reader(self.word(rows) + self.place, src_key_padding_mask=empty)
        pooled = states.masked_fill(empty[..., None], 0).sum(1) / (~empty).sum(1, keepdim=True)
        return normalize(self.from_words(pooled).float(), dim=1)

    @torch.inference_mode()
    def match(self, views: Tensor, texts: Sequence[str]) -> Tensor:
        """How well m captions fit p objects, each seen in v views [p, v, 3, SIZE, SIZE]: cosines [p, m],
        means over the views."""
        embedded, _ = self.views(views.flatten(0, 1))
        return embedded.view(*views.shape[:2], WIDTH).mean(1) @ self.captions(texts).T


def words_of(text: str) -> list[str]:
    """Lower-case words without articles; a hyphen joins."""
    return [word for word in re.findall(r"[a-z0-9-]+", text.lower()) if word not in ("a", "an", "the")]


def save(judge: Judge, file: Path) -> None:
    """Write half-precision weights and the words in one file."""
    half = {key: value.detach().half().contiguous() for key, value in judge.state_dict().items()}
    save_file(half, file, {"words": json.dumps(judge.words)})


def read(file: Path) -> Judge:
    """Undo save; in float32."""
    with safe_open(file, "pt") as stored:
        judge = Judge(json.loads(stored.metadata()["words"]))
        judge.load_state_dict({key: stored.get_tensor(key).float() for key in stored.keys()})  # noqa: SIM118
    return judge.eval().requires_grad_(False)


@load_once
def load() -> Judge:
    """The judge of assets/sjc/, checked against its card."""
    return read(weights_file("sjc", FILE))
