"""One run of the evaluation and what is kept of it: pictures from fixed cameras, times, the mesh's state."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pipelines.backbones.cameras import FOV_DEGREES
from pipelines.backbones.diffusion import NAME, Denoiser, sample
from pipelines.runtime import Progress
from pipelines.sjc.field import VoxelField
from pipelines.sjc.judge import SIZE
from pipelines.sjc.method import ViewPrompts
from pipelines.sjc.recipes import recipe_for
from pipelines.sjc.render import Views, render
from pipelines.sjc.run import Result, generate
from pipelines.sjc.scene import RING_ELEVATION, field_ring, mesh_ring, psnr
from pipelines.sjc.turntable import all_round
from pipelines.weights import ASSETS, sha256

TURN = 16  # views all round; the judge pools every second one
EXPORT_SIZE = 128


@dataclass(frozen=True)
class Trial:
    """Of one run: rgb uint8 [TURN, SIZE, SIZE, 3] and opacity uint8 [TURN, SIZE, SIZE] of the field; mesh
    uint8 [8, SIZE, SIZE, 3], all white where there is no mesh; seconds as `timed` gives them; whether the
    mesh is closed, its faces, and how like the field it looks (dB, NaN without a mesh)."""

    rgb: np.ndarray
    opacity: np.ndarray
    mesh: np.ndarray
    seconds: float
    first_preview: float
    longest_silence: float
    longest_without_preview: float
    watertight: bool
    faces: int
    export_psnr: float

    def views(self) -> Tensor:
        """The field, float32 [TURN, 3, SIZE, SIZE] in -1..1."""
        return signed(self.rgb)

    def mesh_views(self) -> Tensor:
        """The mesh, float32 [8, 3, SIZE, SIZE] in -1..1."""
        return signed(self.mesh)


def signed(rgb: np.ndarray) -> Tensor:
    """uint8 [n, s, s, 3] -> float32 [n, 3, s, s] in -1..1."""
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1


def unsigned(images: Tensor) -> np.ndarray:
    """Undo signed."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def timed(prompt: str, denoiser: Denoiser, **settings: Any) -> tuple[Result, dict[str, float]]:
    """A run's result; when the first preview came, and the longest waits for a report and a preview."""
    started = last = seen = time.monotonic()
    first = None
    silence = blind = 0.0
    for report in generate(prompt, denoiser=denoiser, **settings):
        now = time.monotonic()
        silence, last = max(silence, now - last), now
        if isinstance(report, Progress) and report.preview is not None:
            first = first or now - started
            blind, seen = max(blind, now - seen), now
    waits = {"first_preview": first, "longest_silence": silence, "longest_without_preview": blind}
    return report, waits | {"seconds": now - started}


def attempt(prompt: str, denoiser: Denoiser, views: ViewPrompts, preset: str, seed: int) -> Trial:
    """Run once and look at the result."""
    result, waits = timed(prompt, denoiser, views=views, preset=preset, seed=seed)
    rgb, opacity = look(result.field)
    mesh, fidelity = np.full((TURN // 2, SIZE, SIZE, 3), 255, np.uint8), float("nan")
    if result.mesh is not None:
        mesh = unsigned(mesh_ring(result.mesh, SIZE))
        fidelity = export_psnr(result)
    statistics = result.statistics
    return Trial(
        rgb=rgb,
        opacity=opacity,
        mesh=mesh,
        watertight=statistics is not None and statistics.watertight,
        faces=statistics.faces if statistics else 0,
        export_psnr=fidelity,
        **waits,
    )


def export_psnr(result: Result) -> float:
    """How like its field the mesh looks from the 8 directions, dB."""
    return psnr(mesh_ring(result.mesh, EXPORT_SIZE), field_ring(result.field, EXPORT_SIZE))


@torch.inference_mode()
def look(field: VoxelField) -> tuple[np.ndarray, np.ndarray]:
    """rgb and opacity of a pixel field; see Trial."""
    cameras = Views.of(all_round(TURN), RING_ELEVATION, FOV_DEGREES)
    rendering = render(field, cameras, SIZE, occupied=field.occupied())
    return unsigned(rendering.images), (rendering.opacity * 255).round().byte().numpy()


def samples(denoiser: Denoiser, prompt: str, seed: int, steps: int = 12) -> Tensor:
    """What the text-to-image model itself draws for the 8 directions, [8, 3, SIZE, SIZE] in -1..1."""
    azimuth = torch.tensor(all_round(TURN // 2))
    view = torch.stack([azimuth, torch.full_like(azimuth, RING_ELEVATION)], dim=1)
    *_, x = sample(denoiser, denoiser.encode_text([prompt]), view, len(azimuth), seed, steps)
    images = denoiser.decode(x) * 2 - 1
    return interpolate(images, size=(SIZE, SIZE), mode="bilinear", antialias=True)


class Trials:
    """Runs each trial once, or reads it from `folder` if it was run there before with the same weights,
    recipe and settings."""

    def __init__(self, denoiser: Denoiser, preset: str, folder: Path | None) -> None:
        self.denoiser, self.preset, self.folder = denoiser, preset, folder
        weights = [sha256(file) for file in sorted((ASSETS / NAME).glob("*.safetensors"))]
        self._made_with = f"{weights} {recipe_for(denoiser, preset)}"

    def __call__(self, prompt: str, views: ViewPrompts = "continuous", seed: int = 0) -> Trial:
        if self.folder is None:
            return attempt(prompt, self.denoiser, views, self.preset, seed)
        key = hashlib.sha256(f"{self._made_with} {prompt} {views} {seed}".encode()).hexdigest()[:16]
        file = self.folder / f"{prompt.replace(' ', '-')}-{views}-{key}.npz"
        if file.is_file():
            with np.load(file, allow_pickle=False) as kept:
                return Trial(**{name: kept[name] if kept[name].ndim else kept[name].item() for name in kept})
        trial = attempt(prompt, self.denoiser, views, self.preset, seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, **asdict(trial))
        return trial
