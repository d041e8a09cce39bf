"""Train one of the two reward models: the ranker, or the judge that measures it.

    python -m pipelines.consensus.train --part ranker --data DIR [--minutes 33] [--resume FILE]

DIR holds argkp/, perspectrum/, questions/ and polis/. The parts learn from disjoint topics with
different seeds (see data.split); both are fitted on the validation topics, neither sees a test topic.
The loss, over all kinds of examples:

- stances: -log P(same side), of a claim and a text, or of two texts under one question; - graded
statements (grades.py): cross-entropy of the level, and the paper's pairwise loss -log sigmoid(s_w - s_l)
over one person's statements; - votes (ranker only): squared error of the link of two statements.

The minutes are those of the processor. Writes <part>.safetensors into --out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from pipelines import runtime
from pipelines.consensus.data import Part
from pipelines.consensus.examples_train import Example, Source
from pipelines.consensus.fit import fit_readings
from pipelines.consensus.reward import RewardModel, read, save

SEEDS = {"ranker": 2211, "judge": 15006}
MINUTES = {"ranker": 33.0, "judge": 16.0}
RATE, HEAD_RATE, LAYER_DECAY, WARM_UP, WEIGHT_DECAY = 1e-4, 1e-3, 0.9, 0.06, 0.05
POOL, TOKENS = 768, 2600
MAX_TOKENS = 160
KEEP_EVERY = 240
PAIR_SHARPNESS = 2.0
WEIGHTS = {"stance": 1.0, "level": 1.2, "pair": 0.3, "link": 4.0}


def batches(pool: Sequence[Example], model: RewardModel, rng: np.random.Generator) -> list[list[Example]]:
    """The examples of a pool in batches of alike lengths and at most TOKENS tokens (about), in random
    order."""
    lengths = [len(e.first.split()) + max(len(s.split()) for s in e.seconds) for e in pool]
    result: list[list[Example]] = []
    batch: list[Example] = []
    rows = 0
    for index in np.argsort(lengths, kind="stable"):
        example = pool[index]
        tokens = min(MAX_TOKENS, 1.35 * lengths[index] + 6)
        if batch and (rows + len(example.seconds)) * tokens > TOKENS:
            result.append(batch)
            batch, rows = [], 0
        batch.append(example)
        rows += len(example.seconds)
    result.append(batch)
    return [result[i] for i in rng.permutation(len(result))]


def loss_of(batch: Sequence[Example], outputs: Tensor, reading: Tensor) -> Tensor:
    """The loss of a batch; `outputs` [rows, 2]: (score, link) of its pairs in order; `reading`: log a, b."""
    kinds = [example.kind for example in batch for _ in example.seconds]
    targets = torch.tensor([t for example in batch for t in example.targets], dtype=torch.float32)
    weight = torch.tensor([example.weight for example in batch for _ in example.seconds])
    score, link = outputs[:, 0], outputs[:, 1]
    total = outputs.new_zeros(())
    stance = torch.tensor([kind == "stance" for kind in kinds])
    if stance.any():
        logits = reading[0].exp() * score[stance] + reading[1]
        each = binary_cross_entropy_with_logits(logits, targets[stance], reduction="none")
        total = total + WEIGHTS["stance"] * (each * weight[stance]).sum()
    votes = torch.tensor([kind == "vote" for kind in kinds])
    if votes.any():
        total = total + WEIGHTS["link"] * ((link[votes] - targets[votes]).square() * weight[votes]).sum()
    start = 0
    for example in batch:
        rows = slice(start, start := start + len(example.seconds))
        if example.kind == "graded":
            s, level = score[rows], targets[rows]
            each = binary_cross_entropy_with_logits(s, (level - 1) / 6, reduction="sum")
            better = (level[:, None] - level[None, :]) > 0.25
            pairs = -logsigmoid(PAIR_SHARPNESS * (s[:, None] - s[None, :]))[better]
            total = total + WEIGHTS["level"] * each + WEIGHTS["pair"] * pairs.sum()
    return total / len(kinds)


def optimiser_for(model: RewardModel, reading: Tensor) -> torch.optim.AdamW:
    """AdamW; lower layers learn more slowly; vectors aren't decayed. Each group knows its `peak` rate."""
    groups = [{"params": [*model.head.parameters(), reading], "weight_decay": 0.0, "peak": HEAD_RATE}]
    layers = model.encoder.encoder.layer
    for depth, layer in enumerate(layers):
        peak = RATE * LAYER_DECAY ** (len(layers) - 1 - depth)
        for matrix in (True, False):
            chosen = [p for p in layer.parameters() if (p.ndim > 1) == matrix]
            groups.append({"params": chosen, "weight_decay": WEIGHT_DECAY * matrix, "peak": peak})
    return torch.optim.AdamW(groups, RATE, betas=(0.9, 0.98))


def train(model: RewardModel, source: Source, seconds: float, seed: int, keep: Callable[[], None]) -> int:
    """Train for so many seconds of processor time; returns the number of pairs seen. `keep` is called
    now and then."""
    rng = np.random.default_rng(seed)
    slope, shift = model.readings[2:]
    reading = torch.nn.Parameter(torch.stack([slope.log(), shift]))
    optimiser = optimiser_for(model, reading)
    half = runtime.fast_bfloat16("cpu")
    for layer in model.encoder.encoder.layer:
        layer.attention.self.dropout.p = 0.0  # drawing a mask of that size costs more than it helps
    model.encoder.config.attention_probs_dropout_prob = 0.0
    if runtime.device() == "cpu":  # the backward pass of the fused attention is slow there
        model.encoder.set_attn_implementation("eager")
    start = told = kept = time.process_time()
    seen, running = 0, 0.0
    model.train()
    while (time.process_time() - start) / seconds < 1:
        for batch in batches(source.draw(POOL, rng), model, rng):
            share = (time.process_time() - start) / seconds
            if share >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * max(min(share / WARM_UP, (1 - share) / (1 - WARM_UP)), 0.0)
            first = [example.first for example in batch for _ in example.seconds]
            second = [text for example in batch for text in example.seconds]
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                outputs = model(first, second, MAX_TOKENS)
            loss = loss_of(batch, outputs.float(), reading)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            seen += len(first)
            running = 0.98 * running + 0.02 * loss.item()
            if time.process_time() - told > 20:
                told = time.process_time()
                print(f"{told - start:.0f} s, {seen} pairs, loss {running:.3f}", flush=True)
            if time.process_time() - kept > KEEP_EVERY:
                keep()
                model.train()
                kept = time.process_time()
    model.eval()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=sorted(SEEDS), required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="of processor time; default 33 and 16")
    parser.add_argument("--out", type=Path, default=Path("assets/consensus"))
    parser.add_argument("--resume", type=Path, help="train on from this file")
    parser.add_argument("--quick", action="store_true", help="a few seconds, nothing written")
    arguments = parser.parse_args()
    part: Part = arguments.part
    runtime.use_threads(1)
    runtime.seed_everything(SEEDS[part])
    model = RewardModel()
    if arguments.resume:
        model.load_state_dict(read(arguments.resume).state_dict())
        model.encoder.encoder.requires_grad_(True)
    source = Source(arguments.data, part)
    print(source.about(), flush=True)
    seconds = 8.0 if arguments.quick else 60 * (arguments.minutes or MINUTES[part])
    seed = SEEDS[part] + bool(arguments.resume)  # training on, draw other examples
    path = arguments.out / f"{part}.safetensors"
    if not arguments.quick:
        arguments.out.mkdir(parents=True, exist_ok=True)
    seen = train(model, source, seconds, seed, lambda: save(model, path.with_suffix(".unfinished")))
    fitted = fit_readings(model, source.parts["validation"], SEEDS[part], 20 if arguments.quick else 400)
    if not arguments.quick:
        save(model, path)
        path.with_suffix(".unfinished").unlink(missing_ok=True)
    print(json.dumps({"part": part, "pairs": seen, "minutes": round(seconds / 60, 1), "validation": fitted}))


if __name__ == "__main__":
    main()
