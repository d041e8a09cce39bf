"""Score Jacobian Chaining (arXiv 2212.00774): a 3D object from a prompt and a text-to-image model.

for report in generate("a red sofa", seed=1):
    ...  # Progress, some with a Preview; at last a Result
"""

from __future__ import annotations

from pipelines.sjc.denoisers import embedded_denoiser, known_prompts, stable_diffusion
from pipelines.sjc.dream import Dreams, dream
from pipelines.sjc.mesh import Mesh, MeshStatistics
from pipelines.sjc.optimise import Preview
from pipelines.sjc.prompts import KnownPrompts, Nearest
from pipelines.sjc.recipes import PRESETS
from pipelines.sjc.run import Result, Settings, finish, generate
from pipelines.sjc.turntable import depth_picture, gif, mp4, webp

__all__ = [
    "PRESETS",
    "Dreams",
    "KnownPrompts",
    "Mesh",
    "MeshStatistics",
    "Nearest",
    "Preview",
    "Result",
    "Settings",
    "depth_picture",
    "dream",
    "embedded_denoiser",
    "finish",
    "generate",
    "gif",
    "known_prompts",
    "mp4",
    "stable_diffusion",
    "webp",
]
