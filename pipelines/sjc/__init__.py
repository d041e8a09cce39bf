"""Score Jacobian Chaining (arXiv 2212.00774): a 3D object from a prompt and a text-to-image model.

for report in generate("a red sofa", seed=1):
    ...  # Progress, some with a Preview; at last a Result
"""

from __future__ import annotations

from pipelines.sjc.mesh import Mesh, MeshStatistics
from pipelines.sjc.optimise import Preview
from pipelines.sjc.prompts import KnownPrompts, Nearest
from pipelines.sjc.recipes import PRESETS
from pipelines.sjc.run import Result, Settings, embedded_denoiser, finish, generate
from pipelines.sjc.turntable import depth_picture, gif, mp4

__all__ = [
    "PRESETS",
    "KnownPrompts",
    "Mesh",
    "MeshStatistics",
    "Nearest",
    "Preview",
    "Result",
    "Settings",
    "depth_picture",
    "embedded_denoiser",
    "finish",
    "generate",
    "gif",
    "mp4",
]
