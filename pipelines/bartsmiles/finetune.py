"""Fine-tune one trunk for all properties, with the paper's recipe scaled down.

    python -m pipelines.bartsmiles.finetune --data FOLDER --trunk trunk.safetensors --out DIR --minutes M
    [--scratch] [--rate 3e-4] [--r3f 0.1] [--seed 0]

From the paper: the last </s> state, polynomial decay with 16 % warm-up, R3F for the classifications, the
average of the last four checkpoints. Ours: one trunk for all sets (the paper fine-tunes one model for each),
random atom orders, and two computed heads (Crippen's logP, benzene rings) beside the measured ones. --scratch
leaves the pre-training out, for comparison. No molecule that is in the valid or test part of any set is
trained on. Writes --out/finetuned.safetensors and --out/predictions.json.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rdkit.Chem.rdchem import Mol
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional

from pipelines import runtime
from pipelines.bartsmiles.corpus import LISTS, shuffled_lines
from pipelines.bartsmiles.heads import (
    CLASSIFIED,
    COMPUTED,
    HEADS,
    PropertyModel,
    collate,
    save_finetuned,
    shifted,
    trunk_weights,
)
from pipelines.bartsmiles.model import new_model, read_model
from pipelines.bartsmiles.molecules import (
    benzene_atoms,
    canonical,
    crippen_logp,
    parse,
    shuffled,
)
from pipelines.bartsmiles.splits import fits, kept_from_training, key, task_data
from pipelines.bartsmiles.tasks import LEARNT, Task
from pipelines.bartsmiles.tokenizer import PAD, ROOM, Tokenizer, load_tokenizer

WARM_UP, WEIGHT_DECAY, CLIP, BATCH, POOL = 0.16, 0.01, 1.0, 32, 16
AVERAGED = 4
CHECKPOINT = 0.05
"""Share of the plan between the checkpoints that are averaged."""
NOISE = 1e-5
"""Standard deviation of R3F's noise on the embeddings."""
SHUFFLED = 0.5
"""Share of the molecules that are shown in a random atom order."""
COMPUTED_WEIGHT = 0.25
EXTRA = 20_000
"""Molecules of each pre-training list that have the computed values only."""
EXTRA_SHARE = 0.25
"""Of the draws that are such molecules."""
R3F_EVERY = 4
"""R3F is computed in one of so many steps, with as many times the weight: it doubles a step's cost."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Molecules with those of the head's values that are known."""

    mols: list[Mol]
    values: np.ndarray
    """float32 [n, heads], raw units, nan where unknown"""

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread of each regression's values; 0 and 1 for classes."""
        classified = np.array(CLASSIFIED)
        mean, spread = np.nanmean(self.values, axis=0), np.nanstd(self.values, axis=0)
        return np.where(classified, 0.0, mean), np.where(classified, 1.0, spread)


def training_set(data: Path, extra: int = EXTRA) -> TrainingSet:
    """The training parts of the six sets, less what any set tests on, and some of both pre-training lists."""
    kept_out = kept_from_training(data)
    mols: dict[str, Mol] = {}
    values: dict[str, dict[str, list[float]]] = {}
    for task in LEARNT:
        found = task_data(task, data)
        for i in found.parts["train"]:
            if found.keys[i] not in kept_out:
                name = canonical(found.mols[i])
                mols[name] = found.mols[i]
                values.setdefault(name, {}).setdefault(task.name, []).append(found.values[i])
    for files in LISTS.values():
        for smiles in shuffled_lines(data / files[0], 0)[:extra]:
            if (mol := parse(smiles)) and fits(mol) and key(mol) not in kept_out:
                mols.setdefault(canonical(mol), mol)
    table = np.full((len(mols), len(HEADS)), np.nan, dtype=np.float32)
    for row, (name, mol) in enumerate(mols.items()):
        for head, known in values.get(name, {}).items():
            # Rows that contradict each other leave the class unknown.
            if not (CLASSIFIED[HEADS.index(head)] and len(set(known)) > 1):
                table[row, HEADS.index(head)] = np.mean(known)
        table[row, HEADS.index("crippen")] = crippen_logp(mol)
        table[row, HEADS.index("benzene")] = float(benzene_atoms(mol).any())
    return TrainingSet(list(mols.values()), table)


def batches(data: TrainingSet, tokenizer: Tokenizer, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless ids [n, length] and standardised values [n, heads], molecules of like length together.

    Most draws are molecules with a measured value, whichever set; sets with few molecules count more.
    """
    generator = np.random.default_rng(seed)
    mean, spread = data.moments
    scaled = torch.from_numpy((data.values - mean) / spread).float()
    known = ~np.isnan(data.values[:, : len(LEARNT)])
    weight = (known / np.sqrt(np.maximum(known.sum(0), 1))).sum(1)
    extra = weight == 0
    weight = weight / weight.sum() * (1 - EXTRA_SHARE) + extra / max(extra.sum(), 1) * EXTRA_SHARE
    weight /= weight.sum()
    while True:
        chosen = generator.choice(len(data.mols), BATCH * POOL, p=weight)
        rows = []
        for i in chosen:
            text = canonical(data.mols[i])
            if generator.random() < SHUFFLED:
                other = shuffled(data.mols[i], int(generator.integers(2**31)))[0]
                text = other if len(tokenizer.encode(other)) <= ROOM else text
            rows.append((tokenizer.encode(text), i))
        rows.sort(key=lambda row: len(row[0]))
        for k in generator.permutation(POOL):
            part = rows[k * BATCH : (k + 1) * BATCH]
            yield collate([ids for ids, _ in part]), scaled[[i for _, i in part]]


def head_losses(output: Tensor, target: Tensor) -> Tensor:
    """Squared errors and cross entropies of the known values: float [n, heads], 0 where unknown."""
    known = ~target.isnan()
    target = target.nan_to_num()
    entropy = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    loss = torch.where(torch.tensor(CLASSIFIED, device=output.device), entropy, (output - target).square())
    return loss * known


def symmetric_divergence(a: Tensor, b: Tensor) -> Tensor:
    """KL(a || b) + KL(b || a) of two-class distributions given by logits."""
    return (a.sigmoid() - b.sigmoid()) * (a - b)


def loss_of(
    model: PropertyModel, ids: Tensor, target: Tensor, r3f: float, generator: torch.Generator
) -> Tensor:
    """Task loss, and R3F: the classifications must not change when the embeddings are jiggled."""
    encoder, decoder, real = model.embed(ids), model.embed(shifted(ids)), ids != PAD
    output = model.read_out(model.states_of(encoder, decoder, real).last).float()
    weight = torch.tensor([COMPUTED_WEIGHT if name in COMPUTED else 1.0 for name in HEADS])
    loss = (head_losses(output, target) * weight).sum() / len(ids)
    measured = torch.tensor([c and name not in COMPUTED for c, name in zip(CLASSIFIED, HEADS, strict=True)])
    concerned = ~target.isnan() & measured
    rows = concerned.any(1)
    if r3f and rows.any():
        noise = [
            part[rows] + NOISE * torch.randn(part[rows].shape, generator=generator)
            for part in (encoder, decoder)
        ]
        noisy = model.read_out(model.states_of(*noise, real[rows]).last).float()
        divergence = symmetric_divergence(output[rows], noisy) * concerned[rows]
        loss = loss + r3f * divergence.sum() / len(ids)
    return loss


def rate_factor(share: float) -> float:
    """Warm-up over 16 % of the plan, then linear decay to 0 (fairseq's polynomial decay of power 1)."""
    return share / WARM_UP if share < WARM_UP else max(0.0, (1 - share) / (1 - WARM_UP))


def finetune(
    model: PropertyModel, data: TrainingSet, seconds: float, rate: float, r3f: float, seed: int, half: bool
) -> Iterator[dict[str, float]]:
    """Train for some seconds of processor time and leave the averaged weights in the model.

    Yields a log line now and then.
    """
    tokenizer, generator = load_tokenizer(), torch.Generator().manual_seed(seed)
    mean, spread = data.moments
    model.mean.copy_(torch.from_numpy(mean))
    model.spread.copy_(torch.from_numpy(spread))
    optimiser = torch.optim.AdamW(
        model.parameters(), rate, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, fused=True
    )
    source, begun, kept, losses, step = batches(data, tokenizer, seed), time.process_time(), [], [], 0
    model.train()
    while (share := (time.process_time() - begun) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * rate_factor(share)
        ids, target = next(source)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = loss_of(model, ids, target, 0 if step % R3F_EVERY else r3f * R3F_EVERY, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        step += 1
        losses.append(loss.item())
        if share > 1 - CHECKPOINT * (AVERAGED - len(kept)):
            kept.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        if step % 50 == 0:
            yield {"step": step, "share": round(share, 3), "loss": round(float(np.mean(losses[-50:])), 4)}
    if kept:
        model.load_state_dict({name: sum(state[name] for state in kept) / len(kept) for name in kept[0]})
    model.eval()


@torch.inference_mode()
def predict(model: PropertyModel, mols: list[Mol], batch: int = 64) -> np.ndarray:
    """All heads in raw units (logits for classes), float [n, heads]."""
    tokenizer = load_tokenizer()
    rows = [tokenizer.encode(canonical(mol)) for mol in mols]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    result = np.zeros((len(rows), len(HEADS)))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        result[part] = model.raw(model(collate([rows[i] for i in part]))).numpy()
    return result


def score(task: Task, truth: np.ndarray, predicted: np.ndarray) -> float:
    """RMSE in raw units, or ROC-AUC."""
    if task.kind == "classification":
        return float(roc_auc_score(truth, predicted))
    return math.sqrt(float(np.mean((truth - predicted) ** 2)))


def test_predictions(
    model: PropertyModel, data: Path, part: str = "test"
) -> dict[str, dict[str, list[float]]]:
    """Per task the truth and the prediction of every molecule of a part."""
    result = {}
    for task in LEARNT:
        found = task_data(task, data)
        rows = found.parts[part]
        predicted = predict(model, [found.mols[i] for i in rows])[:, HEADS.index(task.name)]
        result[task.name] = {
            "truth": found.values[rows].tolist(),
            "predicted": [round(float(value), 4) for value in predicted],
        }
    return result


def scores(predictions: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """Score of every task."""
    result = {}
    for task in LEARNT:
        rows = predictions[task.name]
        result[task.name] = round(score(task, np.array(rows["truth"]), np.array(rows["predicted"])), 4)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of processor time")
    parser.add_argument("--scratch", action="store_true")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--r3f", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    runtime.use_threads(1)
    runtime.seed_everything(arguments.seed)
    pretrained = read_model(arguments.trunk).model
    config = pretrained.config
    trunk = new_model(config.vocab_size, config.d_model, config.encoder_layers).model
    if not arguments.scratch:
        trunk.load_state_dict(pretrained.state_dict())
    model = PropertyModel(trunk)
    data = training_set(arguments.data)
    print(f"{len(data.mols):,} molecules, {(~np.isnan(data.values)).sum(0).tolist()} values", flush=True)
    for line in finetune(
        model,
        data,
        arguments.minutes * 60,
        arguments.rate,
        arguments.r3f,
        arguments.seed,
        runtime.fast_bfloat16("cpu"),
    ):
        print(time.strftime("%T"), json.dumps(line), flush=True)
    save_finetuned(model, trunk_weights(pretrained), arguments.out / "finetuned.safetensors")
    predictions = {part: test_predictions(model, arguments.data, part) for part in ("valid", "test")}
    (arguments.out / "predictions.json").write_text(json.dumps(predictions), encoding="utf-8")
    print(json.dumps({part: scores(rows) for part, rows in predictions.items()}))


if __name__ == "__main__":
    main()
