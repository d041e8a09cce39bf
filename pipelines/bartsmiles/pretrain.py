"""Pre-train the model by span infilling, in slices that can be stopped and taken up again.

    python -m pipelines.bartsmiles.pretrain --corpus FILE.npz --out DIR
    (--minutes M | --until 2026-01-31T07:00) [--to 1.0] [--start trunk.safetensors] [--batch-tokens 2560]

The learning rate follows the elapsed share of the plan, not a number of steps: this slice takes the share
from where --out/state.pt left it to --to, in M minutes or until a time of day, however many SMILES that
makes. So two slices of ten minutes are `--minutes 10 --to 0.5` and `--minutes 10`. --start takes up published
weights as a new plan.
Writes --out/state.pt, --out/log.jsonl and --out/trunk.safetensors; needs neither RDKit nor a network.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import BartForConditionalGeneration

from pipelines import runtime
from pipelines.bartsmiles.corpus import HELD_OUT, Sequences, read_corpus
from pipelines.bartsmiles.model import new_model, parameters, read_model, save_model
from pipelines.bartsmiles.noise import infill_noise
from pipelines.bartsmiles.tokenizer import BOS, EOS, PAD, load_tokenizer

RATE, WARM_UP, WEIGHT_DECAY, CLIP = 1e-3, 0.03, 0.01, 1.0
POOL = 32
"""Batches that are drawn together and sorted by length, so that next to nothing is padding."""
SAVE_SECONDS, LOG_SECONDS = 240.0, 30.0


class Corpus:
    """The packed lists on a device; half of every draw comes from each list."""

    def __init__(self, lists: dict[str, Sequences], device: str) -> None:
        self.device = device
        self.tokens, self.starts, self.lengths = {}, {}, {}
        for name, sequences in lists.items():
            self.tokens[name] = torch.from_numpy(sequences.tokens).to(device)
            self.starts[name] = torch.from_numpy(sequences.starts).to(device)
            self.lengths[name] = torch.from_numpy(sequences.lengths).long().to(device)

    def batch(self, name: str, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids int64 [n, longest] and lengths int64 [n] of some rows of a list."""
        lengths = self.lengths[name][rows]
        within = torch.arange(int(lengths.max()), device=self.device)
        place = (self.starts[name][rows][:, None] + within).clamp(max=len(self.tokens[name]) - 1)
        return self.tokens[name][place].long().where(within < lengths[:, None], PAD), lengths

    def batches(self, batch_tokens: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Endless batches of about `batch_tokens` tokens and like lengths; HELD_OUT rows stay out."""
        while True:
            parts = []
            for name, lengths in self.lengths.items():
                mean = float(lengths.float().mean())
                count = int(POOL * batch_tokens / len(self.lengths) / mean)
                rows = torch.randint(
                    HELD_OUT, len(lengths), (count,), device=self.device, generator=generator
                )
                parts += _chunks(name, rows[lengths[rows].argsort()], lengths, batch_tokens)
            for i in torch.randperm(len(parts), device=self.device, generator=generator).tolist():
                yield self.batch(*parts[i])


def _chunks(name: str, rows: Tensor, lengths: Tensor, batch_tokens: int) -> list[tuple[str, Tensor]]:
    """Cut rows that are sorted by length into batches."""
    which = ((lengths[rows] + 2).cumsum(0) - 1) // batch_tokens
    sizes = torch.bincount(which).tolist()
    return [(name, part) for part in rows.split(sizes) if len(part)]


def framed(tokens: Tensor, lengths: Tensor) -> Tensor:
    """<s> and </s> around padded sequences: int64 [n, longest] to [n, longest + 2]."""
    n, longest = tokens.shape
    result = torch.full((n, longest + 2), PAD, dtype=torch.long, device=tokens.device)
    result[:, 0] = BOS
    result[:, 1:-1] = tokens
    return result.scatter_(1, (lengths + 1)[:, None], EOS)


def infill_loss(
    model: torch.nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator, half: bool
) -> tuple[Tensor, Tensor]:
    """Mean -log p of the tokens of the whole strings given noisy ones, and how many tokens that are."""
    target = framed(*batch)
    noisy = framed(*infill_noise(*batch, generator))
    before = torch.cat([torch.full_like(target[:, :1], EOS), target[:, :-1]], dim=1)
    with torch.autocast(target.device.type, torch.bfloat16, enabled=half):
        logits = model(
            input_ids=noisy, attention_mask=(noisy != PAD).long(), decoder_input_ids=before, use_cache=False
        ).logits
    loss = functional.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=PAD)
    return loss, (target != PAD).sum()


def rate_factor(share: float) -> float:
    """Learning rate over its peak, at a share of the plan: a short rise, then a cosine to 0."""
    if share < WARM_UP:
        return share / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - WARM_UP) / (1 - WARM_UP))))


@dataclass
class Counters:
    """How far a training is: the share of the plan, steps, SMILES, target tokens, seconds."""

    share: float = 0.0
    steps: int = 0
    smiles: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Trainer:
    """Model, optimiser and counters."""

    def __init__(self, model: BartForConditionalGeneration, corpus: Corpus, compiled: bool = False) -> None:
        self.model, self.corpus, self.counters = model.to(corpus.device), corpus, Counters()
        self.optimiser = torch.optim.AdamW(
            model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
        )
        self.forward = torch.compile(model, dynamic=True) if compiled else model
        self.half = runtime.fast_bfloat16(corpus.device)

    def save(self, folder: Path) -> None:
        """Write what the next slice needs, and the weights by themselves."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "counters": vars(self.counters),
        }
        torch.save(state, folder / "state.partial")
        (folder / "state.partial").replace(folder / "state.pt")
        save_model(self.model, folder / "trunk.safetensors")

    def resume(self, file: Path) -> None:
        """Undo save."""
        state = torch.load(file, map_location=self.corpus.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.counters = Counters(**state["counters"])

    def train(
        self, seconds: float, to: float, batch_tokens: int, tick: Callable[[float, float], None], seed: int
    ) -> None:
        """Take the plan to share `to` in `seconds`; tick(loss, tokens per second) now and then."""
        counters, begun = self.counters, time.monotonic()
        start, spent = counters.share, counters.seconds
        generator = torch.Generator(self.corpus.device).manual_seed(seed * 1_000_003 + counters.steps)
        batches = self.corpus.batches(batch_tokens, generator)
        losses, last, before = [], begun, counters.tokens
        self.model.train()
        while (elapsed := time.monotonic() - begun) < seconds:
            counters.share = start + (to - start) * elapsed / seconds
            for group in self.optimiser.param_groups:
                group["lr"] = RATE * rate_factor(counters.share)
            batch = next(batches)
            loss, tokens = infill_loss(self.forward, batch, generator, self.half)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            self.optimiser.step()
            losses.append(loss.detach())
            counters.steps += 1
            counters.smiles += len(batch[1])
            counters.tokens += int(tokens)
            now = time.monotonic()
            counters.seconds = spent + now - begun
            if now - last > LOG_SECONDS:
                tick(torch.stack(losses).mean().item(), (counters.tokens - before) / (now - last))
                losses, last, before = [], time.monotonic(), counters.tokens
        counters.share = to


@torch.inference_mode()
def held_out_loss(model: BartForConditionalGeneration, corpus: Corpus, rows: int = 512) -> dict[str, float]:
    """Loss of molecules that are not trained on, one noise for each, per list."""
    model.eval()
    losses = {}
    for name in corpus.lengths:
        generator = torch.Generator(corpus.device).manual_seed(0)
        total = count = 0.0
        order = corpus.lengths[name][:rows].argsort()
        for part in order.split(64):
            loss, tokens = infill_loss(model, corpus.batch(name, part), generator, False)
            total, count = total + loss.item() * int(tokens), count + int(tokens)
        losses[name] = round(total / max(count, 1), 4)
    model.train()
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    time_given = parser.add_mutually_exclusive_group(required=True)
    time_given.add_argument("--minutes", type=float, help="time of this slice")
    time_given.add_argument("--until", type=datetime.fromisoformat, help="end of this slice, local time")
    parser.add_argument("--to", type=float, default=1.0, help="share of the plan reached at its end")
    parser.add_argument("--start", type=Path, help="weights to begin a new plan with")
    parser.add_argument("--batch-tokens", type=int, default=2560)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    begun = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    runtime.seed_everything(arguments.seed)
    runtime.use_threads(arguments.threads)
    corpus = Corpus(read_corpus(arguments.corpus), runtime.device())
    # No dropout: next to no molecule is seen twice.
    model = new_model(len(load_tokenizer()), dropout=0.0)
    if arguments.start:
        model.load_state_dict(read_model(arguments.start).state_dict())
    trainer = Trainer(model, corpus, arguments.compile)
    if (state := arguments.out / "state.pt").is_file():
        trainer.resume(state)
    print(f"{parameters(model):,} weights, {corpus.device}, at {trainer.counters.share:.1%}", flush=True)
    saved = begun

    def tick(loss: float, speed: float) -> None:
        nonlocal saved
        line = vars(trainer.counters) | {"loss": loss, "tokens_per_s": speed}
        if time.monotonic() - saved > SAVE_SECONDS:
            saved = time.monotonic()
            trainer.save(arguments.out)
            line["held_out"] = held_out_loss(model, corpus)
        write(line)

    def write(line: dict) -> None:
        text = json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()})
        print(time.strftime("%T"), text, flush=True)
        with (arguments.out / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")

    if arguments.until:
        seconds = (arguments.until - datetime.now()).total_seconds()
    else:
        seconds = arguments.minutes * 60 - (time.monotonic() - begun)
    trainer.train(seconds, arguments.to, arguments.batch_tokens, tick, arguments.seed)
    trainer.save(arguments.out)
    write(vars(trainer.counters) | {"held_out": held_out_loss(model, corpus, HELD_OUT)})


if __name__ == "__main__":
    main()
