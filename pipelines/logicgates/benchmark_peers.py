"""The nets that the circuits are compared with: a small MLP and a small CNN of similar accuracy, in torch.

python -m pipelines.logicgates.benchmark_peers    trains both (minutes) into assets/logicgates/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from safetensors import safe_open

from pipelines.logicgates.data import mnist
from pipelines.runtime import seed_everything, use_threads
from pipelines.weights import ASSETS, refresh_card, weights_file

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Peer:
    """A net to compare with."""

    title: str
    build: Callable[[], nn.Module]
    batch: int
    """Images per call, about where it is fastest on one core."""
    epochs: int


def _mlp() -> nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def _cnn() -> nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Unflatten(1, (1, 28)),
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(784, 10),
    )  # fmt: skip


PEERS = {
    "mlp": Peer("MLP 784-128-128-10, torch", _mlp, batch=1024, epochs=12),
    "cnn": Peer("CNN with two convolutions, torch", _cnn, batch=256, epochs=4),
}


def load_peer(name: str) -> tuple[nn.Module, float]:
    """The trained net and its test accuracy, 0..1."""
    import torch

    model = PEERS[name].build().eval()
    with safe_open(weights_file("logicgates", f"peer_{name}.safetensors"), framework="pt") as file:
        model.load_state_dict({key: file.get_tensor(key).to(torch.float32) for key in file.keys()})  # noqa: SIM118
        return model, float(file.metadata()["test_accuracy"])


def train_peer(name: str, seed: int = 0) -> tuple[nn.Module, float]:
    """Train on MNIST's 60,000 images for a fixed number of epochs; half-precision net, test accuracy."""
    import torch
    from torch.nn.functional import cross_entropy

    seed_everything(seed)
    use_threads(1)
    peer = PEERS[name]
    model = peer.build()
    images, labels = (torch.from_numpy(array.copy()) for array in mnist("train"))
    steps = peer.epochs * (len(images) // 128)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for _ in range(peer.epochs):
        for batch in torch.randperm(len(images))[: len(images) // 128 * 128].reshape(-1, 128):
            optimiser.zero_grad()
            cross_entropy(model(images[batch].float() / 255), labels[batch].long()).backward()
            optimiser.step()
            rate.step()
    model.eval().half().float()
    test, truth = mnist("test")
    with torch.inference_mode():
        predictions = model(torch.from_numpy(test.astype(np.float32) / 255)).argmax(dim=1).numpy()
    return model.half(), float((predictions == truth).mean())


def main() -> None:
    from safetensors.torch import save_file

    for name in PEERS:
        model, accuracy = train_peer(name)
        path = ASSETS / "logicgates" / f"peer_{name}.safetensors"
        save_file(model.state_dict(), path, metadata={"test_accuracy": str(accuracy)})
        print(f"{path.name}: {accuracy:.2%}, {path.stat().st_size:,} bytes")
    refresh_card("logicgates")


if __name__ == "__main__":
    main()
