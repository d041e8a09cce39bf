"""Views all round a field, and films of them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines.backbones.cameras import CAMERA_RADIUS
from pipelines.backbones.diffusion import Denoiser
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Views, render

ELEVATION = math.radians(20)
FRAMES_PER_SECOND = 12


def shown(denoiser: Denoiser, images: Tensor) -> np.ndarray:
    """Renderings [n, channels, s, s] -> uint8 [n, S, S, 3]: pixels as they are, latents decoded."""
    pixels = denoiser.decode(images).cpu()
    return (pixels * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def turn(
    field: VoxelField, denoiser: Denoiser, frames: int, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frame by frame round the object: image uint8 [S, S, 3], depth float32 [s, s] (see Rendering).

    Latents are rendered at the size that the denoiser knows and decoded; pixels at `size`.
    """
    size = denoiser.image_size if field.config.latent else size
    occupied = field.occupied()
    for azimuth in all_round(frames):
        cameras = Views.of([azimuth], ELEVATION, field.config.fov_degrees)
        with torch.no_grad():
            rendering = render(field, cameras, size, occupied=occupied)
        yield shown(denoiser, rendering.images)[0], rendering.depth[0].cpu().numpy()


def all_round(count: int) -> list[float]:
    """`count` azimuths (radians), evenly from the front."""
    return [2 * math.pi * k / count for k in range(count)]


def depth_picture(depth: np.ndarray, extent: float) -> np.ndarray:
    """Depth [..., s, s] of a field of that extent -> uint8, white is near, black is far or empty."""
    far = CAMERA_RADIUS + extent
    return (np.clip((far - depth) / (2 * extent), 0, 1) * 255).round().astype(np.uint8)


def webp(frames: Sequence[np.ndarray], quality: int = 88) -> bytes:
    """A WebP of uint8 frames [s, s, 3] or [s, s] side by side in one row."""
    stream = io.BytesIO()
    row = Image.fromarray(np.concatenate(list(frames), axis=1)).convert("RGB")
    row.save(stream, "WEBP", quality=quality)
    return stream.getvalue()


def gif(frames: Sequence[np.ndarray]) -> bytes:
    """An endless GIF of uint8 frames [s, s, 3]."""
    images = [Image.fromarray(frame).quantize(128, Image.Quantize.MEDIANCUT) for frame in frames]
    stream = io.BytesIO()
    images[0].save(
        stream, "GIF", save_all=True, append_images=images[1:], duration=1000 // FRAMES_PER_SECOND, loop=0
    )
    return stream.getvalue()


def mp4(frames: Sequence[np.ndarray]) -> bytes:
    """An MP4 (H.264) of uint8 frames [s, s, 3]; s must be even."""
    import av

    stream = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(stream, "w", format="mp4") as film:
        track = film.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": "16", "threads": "1"})
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            film.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(track.encode())
    return stream.getvalue()
