"""A known object to measure against: its true pictures, and the denoiser that knows nothing else."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import trimesh
from torch import Tensor

from pipelines.backbones import raster
from pipelines.backbones.cameras import ELEVATION_RANGE, FOV_DEGREES
from pipelines.backbones.diffusion import OracleDenoiser
from pipelines.backbones.families import FAMILIES, PALETTE, family_mesh
from pipelines.backbones.raster import Lighting, MeshBank, bank_of
from pipelines.sjc.export import Mesh
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Views, render
from pipelines.sjc.turntable import all_round

PICTURES = 400
RING, RING_ELEVATION = 8, 0.35


@dataclass(frozen=True)
class Scene:
    """One mesh and the colours [2, 3] (sRGB 0..1, NaN keeps its own) of its PRIMARY and SECONDARY faces."""

    bank: MeshBank
    slot_colours: np.ndarray

    def pictures(self, azimuth: np.ndarray, elevation: np.ndarray, size: int) -> Tensor:
        """True views [n, 3, size, size] in -1..1; angles in radians."""
        count = len(azimuth)
        colours = np.repeat(self.slot_colours[None], count, axis=0)
        rgb, _, _ = raster.render(self.bank, np.zeros(count, int), azimuth, elevation, size, colours)
        return _to_signed(rgb)

    def ring(self, size: int) -> Tensor:
        """True views from the 8 directions that results are compared from."""
        return self.pictures(np.array(all_round(RING)), np.full(RING, RING_ELEVATION), size)

    def oracle(self, size: int, seed: int = 0) -> OracleDenoiser:
        """The exact denoiser when pictures of this object are all there is."""
        rng = np.random.default_rng(seed)
        azimuth, elevation = rng.uniform(0, 2 * np.pi, PICTURES), rng.uniform(*ELEVATION_RANGE, PICTURES)
        views = torch.from_numpy(np.stack([azimuth, elevation], axis=1)).float()
        return OracleDenoiser(self.pictures(azimuth, elevation, size), views)


def family_scene(name: str, colour: str, part_colour: str) -> Scene:
    """An object of a procedural family (see backbones/families.py)."""
    family = next(family for family in FAMILIES if family.name == name)
    colours = np.array([PALETTE[colour], PALETTE[part_colour]], np.float32) / 255
    return Scene(bank_of([family_mesh(family, family.attributes[0], 0)]), colours)


def data_scene(data: Path, name: str) -> Scene:
    """An object of a directory with captions.csv (see backbones/objects.py). Raises KeyError if it has
    none of that name."""
    with (data / "captions.csv").open(encoding="utf-8", newline="") as stream:
        file = {row["name"]: row["file"] for row in csv.DictReader(stream)}[name]
    loaded = trimesh.load(data / file, force="mesh", process=False)
    colours = np.asarray(loaded.visual.vertex_colors)[loaded.faces[:, 0], :3] / 255
    count = len(loaded.faces)
    mesh = raster.Mesh(loaded.vertices, loaded.faces, colours, np.zeros(count), np.ones(count))
    return Scene(bank_of([mesh]), np.full((2, 3), np.nan, np.float32))


def field_ring(field: VoxelField, size: int) -> Tensor:
    """A pixel field from the 8 directions, [8, 3, size, size] in -1..1."""
    cameras = Views.of(all_round(RING), RING_ELEVATION, FOV_DEGREES)
    with torch.no_grad():
        return render(field, cameras, size, occupied=field.occupied()).images.clamp(-1, 1)


def mesh_ring(mesh: Mesh, size: int) -> Tensor:
    """A mesh in its own colours, without light, from the 8 directions, [8, 3, size, size] in -1..1."""
    count = len(mesh.faces)
    colours = mesh.colours[mesh.faces].mean(axis=1) / raster.EXPOSURE  # which the rasteriser multiplies by
    painted = raster.Mesh(mesh.vertices, mesh.faces, colours, np.zeros(count), np.ones(count))
    everywhere = Lighting(np.tile(raster.LIGHT, (RING, 1)).astype(np.float32), np.ones(RING, np.float32))
    rgb, _, _ = raster.render(
        bank_of([painted]),
        np.zeros(RING, int),
        np.array(all_round(RING)),
        np.full(RING, RING_ELEVATION),
        size,
        lighting=everywhere,
    )
    return _to_signed(rgb)


def psnr(images: Tensor, truth: Tensor) -> float:
    """Mean peak signal-to-noise ratio (dB) of images [n, 3, s, s] in -1..1."""
    error = (images - truth).square().mean(dim=(1, 2, 3)) / 4
    return float((-10 / math.log(10) * error.log()).mean())


def _to_signed(rgb: np.ndarray) -> Tensor:
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1
