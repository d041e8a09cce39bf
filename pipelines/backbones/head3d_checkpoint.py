"""Saving and loading: the exact state of a run, its compact form for moving between machines, the weights
to ship.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipelines.backbones.head3d_model import Config
from pipelines.backbones.head3d_person import ATTRIBUTES

if TYPE_CHECKING:
    from pipelines.backbones.head3d_trainer import Networks, Trainer

STATE_FILE = "state.pt"
PART_BYTES = 15 * 2**20
NETWORKS = ("networks", "averaged", "discriminator")
COUNTERS = ("step", "pictures", "elapsed", "fresh_steps")


def save_checkpoint(trainer: Trainer, folder: Path) -> None:
    """Write everything that the next step depends on, whole or not at all."""
    state = {
        "networks": trainer.networks.state_dict(),
        "averaged": trainer.averaged.state_dict(),
        "discriminator": trainer.discriminator.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "style_optimizer": trainer.style_optimizer.state_dict(),
        "discriminator_optimizer": trainer.discriminator_optimizer.state_dict(),
        "random": trainer.random.get_state(),
        "counters": {name: getattr(trainer, name) for name in COUNTERS},
    }
    partial = folder / f"{STATE_FILE}.partial"
    torch.save(state, partial)
    partial.replace(folder / STATE_FILE)


def save_compact(trainer: Trainer, folder: Path) -> None:
    """Networks, average and discriminator in half precision, without optimiser state, in parts of at most
    15 MiB.
    """
    tensors: dict[str, Tensor] = {}
    for name in NETWORKS:
        for key, value in getattr(trainer, name).state_dict().items():
            tensors[f"{name}.{key}"] = value.detach().half().cpu().contiguous()
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, value in tensors.items():
        if size + value.nbytes > PART_BYTES:
            parts.append({})
            size = 0
        parts[-1][key] = value
        size += value.nbytes
    counters = {"counters": json.dumps({name: getattr(trainer, name) for name in COUNTERS})}
    for number, part in enumerate(parts):
        save_file(part, folder / f"compact-{number}.safetensors", counters)


def load_checkpoint(trainer: Trainer, folder: Path) -> None:
    """Go on from a folder: exactly where it holds the full state, else from the compact parts."""
    if (folder / STATE_FILE).is_file():
        state = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
        for name in (*NETWORKS, "optimizer", "style_optimizer", "discriminator_optimizer"):
            getattr(trainer, name).load_state_dict(state[name])
        trainer.random.set_state(state["random"])
        _set_counters(trainer, state["counters"])
        return
    parts = sorted(folder.glob("compact-*.safetensors"))
    if not parts:
        raise FileNotFoundError(f"{folder} holds neither {STATE_FILE} nor compact-*.safetensors")
    tensors: dict[str, Tensor] = {}
    counters: dict[str, Any] = {}
    for part in parts:
        with safe_open(part, "pt") as file:
            counters = json.loads(file.metadata()["counters"])
            tensors |= {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a dict
    for name in NETWORKS:
        start = f"{name}."
        own = {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
        getattr(trainer, name).load_state_dict(own)
    _set_counters(trainer, {**counters, "fresh_steps": 0})
    trainer.random.manual_seed(int(counters["step"]))


def start_from(trainer: Trainer, path: Path) -> None:
    """Begin a run with the networks of a weights file; discriminator and optimisers are new."""
    state = load_weights(path)[0].state_dict()
    for networks in (trainer.networks, trainer.averaged):
        networks.load_state_dict(state)


def _set_counters(trainer: Trainer, counters: dict[str, Any]) -> None:
    for name in COUNTERS:
        setattr(trainer, name, counters[name])


def save_weights(networks: Networks, directions: Tensor, path: Path) -> None:
    """The file that ships: generator, encoder, pose network and attribute directions in half precision."""
    tensors = {key: value.detach().half().cpu().contiguous() for key, value in networks.state_dict().items()}
    tensors["directions"] = directions.half().contiguous()
    config = json.dumps(asdict(networks.generator.config))
    save_file(tensors, path, {"config": config, "attributes": json.dumps(ATTRIBUTES)})


def load_weights(path: Path) -> tuple[Networks, dict[str, Tensor]]:
    """Networks in float32 on the CPU, ready for inference, and the direction [W_DIM] of each attribute."""
    from pipelines.backbones.head3d_trainer import Networks

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a dict
    fields = json.loads(metadata["config"])
    networks = Networks(Config(**{**fields, "channels": tuple(fields["channels"])}))
    directions = dict(zip(json.loads(metadata["attributes"]), tensors.pop("directions"), strict=True))
    networks.load_state_dict(tensors)
    return networks.eval().requires_grad_(False), directions
