"""Score Jacobian Chaining (arXiv 2212.00774): a 3D object from a prompt and a text-to-image model.

for report in generate("a red sofa", seed=1):
    ...  # Progress, some with a Preview; at last a Result
"""

from __future__ import annotations

from pipelines.sjc.denoisers import known_prompts, load_denoiser
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
    "finish",
    "generate",
    "gif",
    "known_prompts",
    "load_denoiser",
    "mp4",
    "webp",
]
