"""Fine-tune the language model's adapter on consensus statements.

    python -m pipelines.consensus.train_language --data DIRECTORY --out DIRECTORY [--minutes 20] [--quick]

The 4-bit base stays as it is: a fine-tuned change is far below the step between two of its values, so the
low-rank adapter (LoRA) is kept beside it. A group's statements share one pass over its prompt. The learning
rate follows the processor time used and is 0 when that is up. A run that was stopped goes on from its last
checkpoint in --out.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F  # noqa: N812

from pipelines.backbones.language import ASSET
from pipelines.backbones.language_embedded import EmbeddedModel
from pipelines.backbones.language_model import Layout
from pipelines.consensus.language_data import Lesson, lessons
from pipelines.consensus.prompt import messages
from pipelines.runtime import fast_bfloat16, seed_everything
from pipelines.weights import asset

RATE, WARM_UP = 8e-4, 0.05
"""Learning rate, and the share of the time in which it rises."""
BATCH = 4
"""Groups of a step."""
MOST_TOKENS = 448
TEST_LESSONS = 32
CHECKPOINT_SECONDS = 240.0


@dataclass(frozen=True)
class Example:
    """Tokens of a prompt, and of the answers to it, each with its end."""

    prompt: list[int]
    answers: list[list[int]]

    def __len__(self) -> int:
        return len(self.prompt) + sum(map(len, self.answers))


def example(model: EmbeddedModel, lesson: Lesson, seed: int) -> Example:
    """The lesson's tokens, opinions in an order of the seed."""
    prompt = model.encode(messages(lesson.group, seed, lesson.draft, lesson.critiques))
    end = list(model.ends)
    return Example(prompt, [model.tokenizer.encode(text).ids + end for text in lesson.statements])


def laid_out(
    examples: list[Example],
) -> tuple[torch.Tensor, Layout, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens [b, t] of prompts, each followed by its answers, which see the prompt and not each other; their
    layout; and for all n tokens of the answers: the row and the place [n] that predict it, the token [n]."""
    longest = max(map(len, examples))
    tokens, part, position = (torch.zeros(len(examples), longest, dtype=torch.long) for _ in range(3))
    part -= 1
    found: list[tuple[int, int, int]] = []
    for row, entry in enumerate(examples):
        start = len(entry.prompt)
        tokens[row, :start], part[row, :start] = torch.tensor(entry.prompt), 0
        position[row, :start] = torch.arange(start)
        for number, answer in enumerate(entry.answers, 1):
            stop = start + len(answer) - 1
            tokens[row, start:stop], part[row, start:stop] = torch.tensor(answer[:-1]), number
            position[row, start:stop] = torch.arange(len(entry.prompt), len(entry.prompt) + len(answer) - 1)
            places = [len(entry.prompt) - 1, *range(start, stop)]
            found += [(row, place, token) for place, token in zip(places, answer, strict=True)]
            start = stop
    sees = torch.ones(longest, longest, dtype=torch.bool).tril()
    sees = sees & ((part[:, None, :] == 0) | (part[:, None, :] == part[:, :, None]))
    return tokens, Layout(position, sees.unsqueeze(1)), *torch.tensor(found).unbind(1)


def loss_sum(model: EmbeddedModel, examples: list[Example], adapted: bool = True) -> tuple[torch.Tensor, int]:
    """Summed loss of the answers' tokens, and how many there are."""
    tokens, layout, rows, places, wanted = laid_out(examples)
    states = model.network(tokens, adapted=adapted, layout=layout)
    logits = model.network.logits(states[rows, places])
    return F.cross_entropy(logits, wanted, reduction="sum"), len(wanted)


@torch.no_grad()
def mean_loss(model: EmbeddedModel, examples: list[Example], adapted: bool) -> float:
    """Loss per token of the answers."""
    sums = [loss_sum(model, examples[i : i + BATCH], adapted) for i in range(0, len(examples), BATCH)]
    return sum(float(total) for total, _ in sums) / sum(count for _, count in sums)


def batches(examples: list[Example], seed: int) -> Iterator[list[Example]]:
    """Endless batches of texts of like length."""
    rng = random.Random(seed)
    while True:
        order = rng.sample(examples, len(examples))
        for i in range(0, len(order) - 8 * BATCH + 1, 8 * BATCH):
            near = sorted(order[i : i + 8 * BATCH], key=len)
            starts = list(range(0, 8 * BATCH, BATCH))
            rng.shuffle(starts)
            yield from (near[start : start + BATCH] for start in starts)


def rate_at(used: float) -> float:
    """Learning rate when this share of the time is used: a rise, then half a cosine."""
    if used < WARM_UP:
        return RATE * max(used, 1e-3) / WARM_UP
    return RATE * 0.5 * (1 + math.cos(math.pi * min(1.0, (used - WARM_UP) / (1 - WARM_UP))))


class Trainer:
    """The adapter, its optimiser, and the checkpoint of both."""

    def __init__(self, model: EmbeddedModel, out: Path) -> None:
        self.model, self.out = model, out
        self.parts = {name: p for name, p in model.network.named_parameters() if p.requires_grad}
        for name, part in self.parts.items():
            if name.endswith(".a"):
                torch.nn.init.uniform_(part, -2 / part.shape[1] ** 0.5, 2 / part.shape[1] ** 0.5)
        self.optimizer = torch.optim.AdamW(self.parts.values(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.seconds = 0, 0.0
        if (out / "progress.json").is_file():
            self._resume()

    def learn(self, batch: list[Example], rate: float) -> float:
        """One step; returns the loss per token."""
        loss, count = loss_sum(self.model, batch)
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(self.parts.values(), 1.0)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach()) / count

    def save(self) -> None:
        """Adapter in half precision, and what a resumed run needs."""
        self.out.mkdir(parents=True, exist_ok=True)
        save_file({n: p.detach().half() for n, p in self.parts.items()}, self.out / "adapter.safetensors")
        state = {f"{name}.value": part.detach() for name, part in self.parts.items()}
        for name, part in self.parts.items():
            state |= {
                f"{name}.{key}": self.optimizer.state[part][key] for key in ("exp_avg", "exp_avg_sq", "step")
            }
        save_file(state, self.out / "training.safetensors")
        progress = {"step": self.step, "seconds": self.seconds}
        (self.out / "progress.json").write_text(json.dumps(progress), encoding="utf-8")

    def _resume(self) -> None:
        progress = json.loads((self.out / "progress.json").read_text(encoding="utf-8"))
        self.step, self.seconds = progress["step"], progress["seconds"]
        state = load_file(self.out / "training.safetensors")
        for name, part in self.parts.items():
            part.data.copy_(state[f"{name}.value"])
            keys = ("exp_avg", "exp_avg_sq", "step")
            self.optimizer.state[part] = {key: state[f"{name}.{key}"] for key in keys}


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the language model's adapter.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with argkp/ and perspectrum/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and adapter.safetensors")
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time")
    parser.add_argument("--count", type=int, default=3000, help="different lessons")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    arguments = parser.parse_args()
    limit = 60 * (0.7 if arguments.quick else arguments.minutes)
    count = 300 if arguments.quick else arguments.count
    seed_everything(0)
    dtype = torch.bfloat16 if fast_bfloat16("cpu") else torch.float32
    model = EmbeddedModel.base(asset(ASSET, "base.safetensors"), dtype)
    trainer = Trainer(model, arguments.out)
    started = time.process_time() - trainer.seconds

    made = lessons(arguments.data, count, seed=1)
    examples = [example(model, lesson, seed) for seed, lesson in enumerate(made)]
    examples = [entry for entry in examples if len(entry) <= MOST_TOKENS]
    test = [
        example(model, lesson, seed)
        for seed, lesson in enumerate(lessons(arguments.data, TEST_LESSONS, seed=2, test=True))
    ]
    print(
        f"{len(examples)} lessons of {sum(map(len, examples)) / len(examples):.0f} tokens",
        flush=True,
    )
    saved = time.monotonic()
    for batch in batches(examples, seed=trainer.step):
        trainer.seconds = time.process_time() - started
        if trainer.seconds >= limit:
            break
        loss = trainer.learn(batch, rate_at(trainer.seconds / limit))
        if trainer.step % 5 == 0:
            print(f"step {trainer.step}  {trainer.seconds:.0f} s  loss {loss:.3f}", flush=True)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            trainer.save()
            saved = time.monotonic()
    trainer.save()
    losses = {"test_loss": mean_loss(model, test, True), "test_loss_prompted": mean_loss(model, test, False)}
    print(json.dumps({"steps": trainer.step, "processor_seconds": round(trainer.seconds), **losses}))


if __name__ == "__main__":
    main()
