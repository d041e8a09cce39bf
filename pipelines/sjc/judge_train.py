"""Train the judge of results (see judge.py) and measure it on renders that it has not seen.

    python -m pipelines.sjc.judge_train --data DIR [--minutes 10] [--out DIR] [--quick]

DIR holds the meshes (see backbones/objects.py). Writes judge.safetensors and what it is into card.json; the
minutes are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax

from pipelines import runtime
from pipelines.backbones import objects
from pipelines.sjc.judge import FILE, Judge, save, words_of
from pipelines.sjc.judge_data import PictureSource, worn
from pipelines.weights import ASSETS, read_card, write_card

SEED = 20_221_201  # of no other part of the project
BATCH, BLOCK, REUSE = 128, 1024, 2
LEARNING_RATE, WARM_UP = 1.5e-3, 0.03
QUADRANT_WEIGHT = 0.8
MAX_SCALE = 4.0
TEST_PICTURES = 2048


def vocabulary(source: PictureSource) -> list[str]:
    """Every word of every caption."""
    return sorted({word for texts in source.captions for text in texts for word in words_of(text)})


def train(judge: Judge, source: PictureSource, seconds: float) -> int:
    """Train for so many seconds of processor time; returns the number of pictures seen."""
    rng, generator = np.random.default_rng(SEED), torch.Generator().manual_seed(SEED)
    decayed = [p for p in judge.parameters() if p.ndim > 1]
    others = [p for p in judge.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, LEARNING_RATE, betas=(0.9, 0.98))
    half = runtime.fast_bfloat16("cpu")
    start = told = time.process_time()
    seen = 0
    judge.train()
    while (share := (time.process_time() - start) / seconds) < 1:
        block = source.draw(BLOCK, rng)
        for _ in range(REUSE):
            for pairs in torch.randperm(BLOCK // 2, generator=generator).split(BATCH // 2):
                part = torch.stack([2 * pairs, 2 * pairs + 1], 1).flatten()
                subjects = block.subjects[part.numpy()]
                texts = [source.captions[s][rng.integers(len(source.captions[s]))] for s in subjects]
                images = worn(block.images[part], generator)
                share = (time.process_time() - start) / seconds
                for group in optimiser.param_groups:
                    group["lr"] = LEARNING_RATE * max(min(share / WARM_UP, 1 - share), 0.01)
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    views, logits = judge.views(images)
                    captions = judge.captions(texts)
                match = contrastive(views, captions, judge.scale.clamp(max=MAX_SCALE).exp(), subjects)
                loss = match + QUADRANT_WEIGHT * cross_entropy(logits, block.quadrants[part], ignore_index=-1)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
                optimiser.step()
                seen += len(part)
                if time.process_time() - told > 15:
                    told = time.process_time()
                    print(f"{told - start:.0f} s, {seen} pictures, loss {match.item():.3f}", flush=True)
    judge.eval()
    return seen


def contrastive(views: Tensor, captions: Tensor, scale: Tensor, subjects: np.ndarray) -> Tensor:
    """CLIP's symmetric loss; pictures of the same subject share their captions equally."""
    logits = scale * views @ captions.T
    same = torch.from_numpy(subjects[:, None] == subjects).float()
    target = same / same.sum(1, keepdim=True)
    return -0.5 * (
        (target * log_softmax(logits, 1)).sum(1).mean() + (target * log_softmax(logits.T, 1)).sum(1).mean()
    )


@torch.inference_mode()
def test(judge: Judge, source: PictureSource) -> dict[str, float]:
    """Shares right on new views, clean and worn: the caption among all subjects' for one view, the quadrant
    where there is one."""
    pictures = source.draw(TEST_PICTURES, np.random.default_rng(SEED + 1))
    captions = judge.captions([texts[0] for texts in source.captions])
    result = {}
    clean = pictures.images.float() / 127.5 - 1
    for name, images in (
        ("clean", clean),
        ("worn", worn(pictures.images, torch.Generator().manual_seed(SEED))),
    ):
        parts = [judge.views(part) for part in images.split(256)]
        best = torch.cat([(views @ captions.T).argmax(1) for views, _ in parts]).numpy()
        quadrants = torch.cat([logits.argmax(1) for _, logits in parts])
        names = np.array([subject.name for subject in source.subjects])
        known = pictures.quadrants >= 0
        result |= {
            f"{name}_caption_right": round(float((best == pictures.subjects).mean()), 4),
            f"{name}_name_right": round(float((names[best] == names[pictures.subjects]).mean()), 4),
            f"{name}_quadrant_right": round(
                (quadrants == pictures.quadrants)[known].float().mean().item(), 4
            ),
        }
    return result


def about(judge: Judge, seen: int, seconds: float, tested: dict[str, float]) -> dict[str, Any]:
    """The judge's entry in the card."""
    return {
        "model": "Contrastive image-text model that judges results: CNN on 48-px views, transformer on "
        "words. Shares no weights, text encoder, pictures or seed with the text-to-image model.",
        "parameters": sum(part.numel() for part in judge.parameters()),
        "data": f"{seen} renders of the meshes and families that the text-to-image model is taught, held-out "
        "colours included, under any light, with varied field of view, blur, blocks, thin and blotched "
        "places. The meshes are the same ones: it knows the objects, not the results.",
        "train_command": f"python -m pipelines.sjc.judge_train --data DIR --minutes {seconds / 60:.0f}",
        "hardware": f"one CPU thread, {seconds / 60:.0f} minutes of processor time",
        "test": {"captions_to_choose_from": "all subjects, one view", **tested},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="meshes: captions.csv and glb/, or a pack")
    parser.add_argument("--minutes", type=float, default=10, help="of processor time")
    parser.add_argument("--out", type=Path, default=ASSETS / "sjc")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few seconds, nothing written")
    arguments = parser.parse_args()
    runtime.use_threads(arguments.threads)
    runtime.seed_everything(SEED)
    source = PictureSource(objects.load(arguments.data, core=True))
    judge = Judge(vocabulary(source))
    seconds = 5.0 if arguments.quick else 60 * arguments.minutes
    seen = train(judge, source, seconds)
    tested = test(judge, source)
    if not arguments.quick:
        arguments.out.mkdir(parents=True, exist_ok=True)
        save(judge, arguments.out / FILE)
        if arguments.out == ASSETS / "sjc":
            card = read_card("sjc") if (arguments.out / "card.json").is_file() else {"name": "sjc"}
            card.setdefault("files", {})[FILE] = {}
            card["judge"] = about(judge, seen, seconds, tested)
            write_card("sjc", card)
    print(json.dumps({"pictures": seen, "words": len(judge.words), **tested}))


if __name__ == "__main__":
    main()
