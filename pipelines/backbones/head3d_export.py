"""Finish assets/backbones/head3d once its files lie there: the contact sheet and the card.

    python -m pipelines.backbones.head3d_export --train-command "..." --hardware "..."
    python -m pipelines.backbones.head3d_evaluate --write

What is not given is kept from the card before; without one it is asked for. The measures stay while the
weights, the judge and the held-out persons do.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch

from pipelines.backbones.head3d import Head3D
from pipelines.backbones.head3d_checkpoint import load_weights
from pipelines.backbones.head3d_model import Config
from pipelines.backbones.head3d_sheet import contact_sheet
from pipelines.weights import ASSETS, read_card, sha256, write_card

NAME = "backbones/head3d"
WEIGHTS, SHEET = "head3d.safetensors", "samples.png"
MEASURED = (WEIGHTS, "judge.safetensors", "heldout.npz")
SHEET_SEEDS = range(24)
TOLD = ("train_command", "hardware", "limits")
LICENCE = (
    "Apache-2.0 (the weights). The kit that made the training persons is derived from ICT-FaceKit: MIT, "
    "Copyright (c) 2020 USC Institute for Creative Technologies"
)
DATA = (
    "Renders made while training: made-up persons, each a Gaussian code that sets 60 identity modes and the "
    "expressions of ICT-FaceKit's template mesh (light version; MIT, Copyright (c) 2020 USC Institute for "
    "Creative Technologies), with hair, clothes, colours and light of our own; seen from several sides, "
    "without anybody's photograph. judge.safetensors was trained on other persons, and the persons of "
    "heldout.npz (renders) neither trained the heads nor the judge; who is who follows from numbers alone "
    "(pipelines/backbones/head3d_data.py). The kit's meshes are not part of this project."
)
LIMITS = (
    "Heads as this kit makes them, at 128 x 128 from a field drawn at 64 x 64: no photographs, no glasses, "
    "hats or earrings, thirteen hair styles; the back of the head was never seen in training (yaw within 92 "
    "degrees of the front). Pictures of other kinds are read badly. The judge is our own network, so its KID "
    "is not comparable with figures on Inception's features."
)


def model_of(config: Config) -> str:
    """What the weights are, in words."""
    size = config.plane_size
    return (
        "A small EG3D: a mapping that is fixed and free of pose (w is what the code says), three planes of "
        f"{size} x {size} x {config.plane_channels}, a decoder for density and colour, volume rendering at "
        f"64 x 64 ({config.coarse} and {config.fine} samples a ray), 2 x super-resolution to 128 x 128 with "
        "transparency; with an encoder to w, a pose network and a direction in w for each of seven "
        "attributes. float16, averaged over training. judge.safetensors: the network that measures them."
    )


def parameters_of(head: Head3D) -> dict[str, str]:
    """Counts by part."""
    return {
        name: f"{sum(p.numel() for p in part.parameters()) / 1e6:.2f} million"
        for name, part in head.networks.named_children()
    }


def card_of(head: Head3D, told: dict[str, str], before: dict[str, Any]) -> dict[str, Any]:
    """The card, with what was `told` or stands in the card `before`.

    ValueError for what neither says: nothing is made up.
    """
    known = {"limits": LIMITS} | {key: before[key] for key in TOLD if before.get(key)} | told
    missing = [key for key in TOLD if not known.get(key)]
    if missing:
        raise ValueError(f"not known: {', '.join(missing)}")
    return {
        "name": NAME,
        "model": model_of(head.networks.generator.config),
        "parameters": parameters_of(head),
        "licence": LICENCE,
        "data": DATA,
        **{key: known[key] for key in TOLD},
        "files": {file: {} for file in MEASURED},
    }


def export(told: dict[str, str]) -> None:
    """Write samples.png and card.json."""
    folder = ASSETS / NAME
    head = Head3D(*load_weights(folder / WEIGHTS))
    before = read_card(NAME) if (folder / "card.json").is_file() else {}
    card = card_of(head, told, before)
    w = torch.from_numpy(np.stack([head.sample(seed) for seed in SHEET_SEEDS]))
    contact_sheet(head.networks.generator, w, folder / SHEET)
    card["files"][SHEET] = {}
    earlier = before.get("files", {})
    if all(earlier.get(file, {}).get("sha256") == sha256(folder / file) for file in MEASURED):
        card["metrics"] = before.get("metrics", {})
    write_card(NAME, card)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--train-command", help="the exact command, with its slices")
    parser.add_argument("--hardware", help="on what, how long, how many pictures")
    parser.add_argument("--limits", help="in place of the limits that are written down here")
    told = {key: value for key, value in vars(parser.parse_args()).items() if value}
    try:
        export(told)
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(read_card(NAME)["files"]))


if __name__ == "__main__":
    main()
