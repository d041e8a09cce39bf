"""Score Jacobian Chaining (arXiv 2212.00774): a 3D object from a prompt and a text-to-image model.

for report in generate("a red sofa", seed=1):
    ...  # Progress, some with a Preview; at last a Result

Names are fetched when they are used: most of them need torch, which a page that is being built does not.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "denoisers": ("known_prompts", "load_denoiser"),
    "dreams": ("Dreams", "dream"),
    "export": ("Mesh", "MeshStatistics", "gif", "mp4", "webp"),
    "optimise": ("Preview",),
    "prompts": ("KnownPrompts", "Nearest"),
    "recipes": ("PRESETS",),
    "run": ("Result", "Settings", "finish", "generate"),
    "turntable": ("depth_picture",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
