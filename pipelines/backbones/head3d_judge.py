"""`python -m pipelines.backbones.head3d_judge --data DIR --out DIR`: an independent judge of heads, and
held-out persons.

The judge is a small network that reads attributes, pose, identity and domain off pictures. It is trained on
persons that the generator never meets, and it trains nothing itself. Its features serve KID ("own
features", not Inception's).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from pipelines.backbones.head3d_person import ATTRIBUTES, IDENTITY_MODES
from pipelines.runtime import cpu_count, device, seed_everything, use_threads

if TYPE_CHECKING:
    from pipelines.backbones.head3d_data import Batch

# head3d_data needs the renderer's compiler, which only training has: it is imported where training begins.

FEATURES = 128
HELD_OUT_PERSONS, HELD_OUT_VIEWS = 96, 2
DOMAINS = 2  # portraits, pencil


class Judge(nn.Module):
    """Pictures [n, 3, 64, 64] in 0..1 -> features [n, 128] and, from them, the heads' readings."""

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 48, 64, 96)
        layers: list[nn.Module] = []
        for a, b in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU()]
            layers += [nn.Conv2d(b, b, 3, padding=1), nn.SiLU()]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 16, FEATURES))
        self.attributes = nn.Linear(FEATURES, len(ATTRIBUTES))
        self.pose = nn.Linear(FEATURES, 2)
        self.identity = nn.Linear(FEATURES, IDENTITY_MODES)
        self.domain = nn.Linear(FEATURES, DOMAINS)

    def features(self, pictures: Tensor) -> Tensor:
        """[n, 128]."""
        return self.trunk(2 * pictures - 1)


def pencil(pictures: Tensor) -> Tensor:
    """Pictures [n, 3, s, s] as pencil drawings: dark lines where brightness dips, on warm paper."""
    weights = torch.tensor([0.3, 0.59, 0.11], device=pictures.device).view(1, 3, 1, 1)
    bright = (pictures * weights).sum(1, keepdim=True)
    around = functional.avg_pool2d(functional.pad(bright, (2, 2, 2, 2), mode="replicate"), 5, 1)
    ink = (8 * (around - bright)).clamp(0, 0.85)
    return (1 - ink) * torch.tensor([0.96, 0.94, 0.88], device=pictures.device).view(1, 3, 1, 1)


def train(kit_path: Path, minutes: float, workers: int, quick: bool) -> Judge:
    """Train on persons of the stream JUDGE for so many minutes."""
    from pipelines.backbones.head3d_data import JUDGE, HeadPool

    seed_everything(11)
    judge = Judge().to(device())
    optimizer = torch.optim.AdamW(judge.parameters(), lr=1e-3, weight_decay=0.02)
    pool = HeadPool(kit_path, device(), 4000, 4 if quick else 64, 0 if quick else workers, stream=JUDGE)
    random = torch.Generator().manual_seed(12)
    begun, reported, step = time.monotonic(), 0.0, 0
    try:
        while (share := (time.monotonic() - begun) / (60 * minutes)) < 1 and not (quick and step == 5):
            optimizer.param_groups[0]["lr"] = 1e-3 * min(1.0, 3 * (1 - share))
            loss = _loss(judge, pool.batch(24, 2, random), random)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            if time.monotonic() - reported > 20:
                reported = time.monotonic()
                print(
                    json.dumps({"step": step, "loss": round(loss.item(), 4), "pool": pool.filled}), flush=True
                )
    finally:
        pool.close()
    return judge.eval()


def _loss(judge: Judge, batch: Batch, random: torch.Generator) -> Tensor:
    from pipelines.backbones.head3d_data import on_backgrounds

    pictures = on_backgrounds(functional.avg_pool2d(batch.rgba.flatten(0, 1), 2), random)
    drawn = (torch.rand(len(pictures), generator=random) < 0.3).to(pictures.device)
    pictures = torch.where(drawn[:, None, None, None], pencil(pictures), pictures)
    features = judge.features(pictures)
    views = batch.views.shape[1]
    labels, identity = (x.repeat_interleave(views, 0) for x in (batch.labels, batch.z[:, :IDENTITY_MODES]))
    # A drawing shows no colours; the first modes of identity are the ones that can be seen.
    weight = torch.where(drawn[:, None], 0.3, 1.0)
    modes = 1 / torch.arange(1, IDENTITY_MODES + 1, device=pictures.device)
    return (
        3 * (weight * (judge.attributes(features) - labels).square()).mean()
        + functional.l1_loss(judge.pose(features), batch.views.flatten(0, 1))
        + 0.5 * (modes * (judge.identity(features) - identity).square()).mean()
        + 0.1 * functional.cross_entropy(judge.domain(features), drawn.long())
    )


def load_judge(path: Path) -> Judge:
    """A trained judge, in float32."""
    judge = Judge()
    judge.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    return judge.eval().requires_grad_(False)


def main() -> None:
    """Write judge.safetensors and heldout.npz."""
    from pipelines.backbones.head3d_data import HELD_OUT, shoot

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with heads.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--workers", type=int, default=max(1, cpu_count() - 1))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few steps")
    args = parser.parse_args()
    use_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    kit_path = args.data / "heads.npz"
    judge = train(kit_path, args.minutes, args.workers, args.quick)
    save_file(
        {key: value.half().cpu().contiguous() for key, value in judge.state_dict().items()},
        args.out / "judge.safetensors",
    )
    persons = shoot(
        str(kit_path), HELD_OUT, list(range(4 if args.quick else HELD_OUT_PERSONS)), HELD_OUT_VIEWS
    )
    np.savez_compressed(args.out / "heldout.npz", **vars(persons))
    print(
        json.dumps({file: (args.out / file).stat().st_size for file in ("judge.safetensors", "heldout.npz")})
    )


if __name__ == "__main__":
    main()
