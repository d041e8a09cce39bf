"""3D heads from a code or a picture: the embedded stand-in for EG3D that Dr.3D and DATID-3D start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_camera import Camera, cam2world
from pipelines.backbones.head3d_checkpoint import load_weights
from pipelines.backbones.head3d_kit import ATTRIBUTES
from pipelines.backbones.head3d_model import BOX, OUTPUT_SIZE, RENDER_SIZE
from pipelines.backbones.head3d_volume import depth_normals
from pipelines.errors import InputError
from pipelines.runtime import load_once
from pipelines.weights import weights_file

if TYPE_CHECKING:
    import trimesh

    from pipelines.backbones.head3d_trainer import Networks

__all__ = ["ATTRIBUTES", "Camera", "Encoded", "Head3D", "HeadView", "load"]

SMALLEST_INPUT = 32
SURFACE_DENSITY = 12.0  # where the field counts as solid, in 1 / world unit
GREY = (0.72, 0.76, 0.80)


@dataclass(frozen=True)
class HeadView:
    """A head from one camera, 128 x 128. image uint8 [128, 128, 3] over the background asked for; alpha
    float32 [128, 128] in 0..1; depth float32 [128, 128], distance from the camera along each pixel's ray;
    normals float32 [128, 128, 3], unit length in the world, zero outside the head. Depth and normals are
    enlarged from 64 x 64."""

    image: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class Encoded:
    """What a picture says: w float32 [w_dim] and the camera it was seen from."""

    w: np.ndarray
    camera: Camera


class Head3D:
    """Generator, encoder, pose network and attribute directions. Safe to call from several threads."""

    def __init__(self, networks: Networks, directions: dict[str, Tensor], device: str = "cpu") -> None:
        self.networks = networks.to(device).eval().requires_grad_(False)
        self.directions = {name: direction.cpu().numpy() for name, direction in directions.items()}
        self.device = device

    @property
    def w_mean(self) -> np.ndarray:
        """The mean head's w, float32 [w_dim]."""
        return self.networks.generator.mapping.w_mean.cpu().numpy()

    @torch.inference_mode()
    def sample(self, seed: int, truncation: float = 0.8) -> np.ndarray:
        """A random head: w float32 [w_dim]. `truncation` 0 gives the mean head, 1 the full variety."""
        if not 0 <= truncation <= 1.5:
            raise InputError("The variety must lie between 0 and 1.5.", "0.8 is a good start.", "truncation")
        random = torch.Generator().manual_seed(int(seed) % 2**63)
        z = torch.randn(1, self.networks.generator.config.z_dim, generator=random)
        return self.networks.generator.mapping(z.to(self.device), float(truncation))[0].cpu().numpy()

    def render(
        self, w: np.ndarray, camera: Camera, background: tuple[float, float, float] = GREY
    ) -> HeadView:
        """The head of w [w_dim] as `camera` sees it, over an sRGB `background` in 0..1."""
        return self.render_views(w, [camera], background)[0]

    @torch.inference_mode()
    def render_views(
        self, w: np.ndarray, cameras: Sequence[Camera], background: tuple[float, float, float] = GREY
    ) -> list[HeadView]:
        """The same head from several cameras; the planes are made once."""
        w_row = self._w(w)
        planes = self.networks.generator.planes(w_row)
        return [self._view(planes, w_row, camera, background) for camera in cameras]

    def _w(self, w: np.ndarray) -> Tensor:
        row = torch.from_numpy(np.asarray(w, np.float32)).to(self.device)
        if row.shape != (self.networks.generator.config.w_dim,):
            raise ValueError(f"w has shape {tuple(row.shape)}, not ({self.networks.generator.config.w_dim},)")
        return row[None]

    def _view(
        self, planes: Tensor, w: Tensor, camera: Camera, background: tuple[float, float, float]
    ) -> HeadView:
        matrix = self._matrix(camera)
        pictures = self.networks.generator.pictures(planes, w, matrix)
        rgba = pictures.rgba[0].clamp(0, 1)
        ground = torch.tensor(background, device=rgba.device).view(3, 1, 1)
        image = (rgba[:3] + ground * (1 - rgba[3:])).clamp(0, 1)
        normals = depth_normals(pictures.depth, pictures.raw[:, 3], matrix)
        depth, normals = (
            functional.interpolate(x, size=(OUTPUT_SIZE, OUTPUT_SIZE), mode="bilinear")[0]
            for x in (pictures.depth[:, None], normals)
        )
        normals = functional.normalize(normals, dim=0, eps=1e-6) * (rgba[3:] >= 0.5)
        return HeadView(
            image=(image.permute(1, 2, 0) * 255 + 0.5).byte().cpu().numpy(),
            alpha=rgba[3].cpu().numpy(),
            depth=depth[0].cpu().numpy(),
            normals=normals.permute(1, 2, 0).cpu().numpy(),
        )

    def _matrix(self, camera: Camera) -> Tensor:
        return (
            torch.from_numpy(cam2world(np.array([camera.yaw]), np.array([camera.pitch])))
            .float()
            .to(self.device)
        )

    @torch.inference_mode()
    def encode(self, image: Image.Image | np.ndarray) -> Encoded:
        """Read w and the camera off a picture of one head, any size; it is cut to its middle square.

        Raises InputError for what is no picture or is smaller than 32 pixels.
        """
        picture = self.prepare(image)
        w = self.networks.encoder(picture)[0].cpu().numpy()
        yaw, pitch = self.networks.pose(picture)[0].tolist()
        return Encoded(w, Camera(yaw, pitch))

    def prepare(self, image: Image.Image | np.ndarray) -> Tensor:
        """A picture as the encoder takes it: float [1, 3, 64, 64] in 0..1; transparency is laid over grey."""
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8 or image.ndim not in (2, 3):
                raise InputError("This is not a picture.", "Upload a PNG or JPEG file.", "image")
            image = Image.fromarray(image)
        if not isinstance(image, Image.Image):
            raise InputError("There is no picture.", "Upload a picture of one head.", "image")
        side = min(image.size)
        if side < SMALLEST_INPUT:
            raise InputError(
                f"The picture is only {side} pixels wide or high.",
                f"Use at least {SMALLEST_INPUT} pixels.",
                "image",
            )
        if image.mode not in ("RGB", "L"):
            ground = Image.new("RGBA", image.size, tuple(int(255 * c) for c in GREY))
            image = Image.alpha_composite(ground, image.convert("RGBA"))
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.convert("RGB").crop((left, top, left + side, top + side))
        small = np.asarray(square.resize((RENDER_SIZE, RENDER_SIZE), Image.Resampling.BOX), np.float32) / 255
        return torch.from_numpy(small).permute(2, 0, 1)[None].to(self.device)

    def edit(self, w: np.ndarray, attribute: str, amount: float) -> np.ndarray:
        """w moved along one of ATTRIBUTES; ±1 is about as far as low to high in the training persons."""
        return (np.asarray(w, np.float32) + np.float32(amount) * self.directions[attribute]).astype(
            np.float32
        )

    @torch.inference_mode()
    def mesh(self, w: np.ndarray, resolution: int = 96) -> trimesh.Trimesh:
        """The head's surface with sRGB vertex colours, from marching cubes on a grid of `resolution`^3.

        World units of head3d_camera. Only the largest solid is kept.
        """
        import trimesh
        from scipy import ndimage
        from skimage.measure import marching_cubes

        generator, planes = self.networks.generator, self.networks.generator.planes(self._w(w))
        line = torch.linspace(-BOX, BOX, resolution, device=self.device)
        grid = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).view(1, -1, 3)
        density = torch.cat([generator.field(planes, part, False)[0] for part in grid.split(2**17, 1)], 1)
        solid = density.view(resolution, resolution, resolution).float().cpu().numpy()
        # A shell of empty voxels closes the surface where the box cuts it.
        for axis in range(3):
            solid[(slice(None),) * axis + ([0, -1],)] = 0
        parts, count = ndimage.label(solid > SURFACE_DENSITY)
        if count:
            largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
            solid[~ndimage.binary_dilation(largest)] = 0
        else:
            solid[resolution // 2, resolution // 2, resolution // 2] = 2 * SURFACE_DENSITY
        vertices, faces, _, _ = marching_cubes(solid, SURFACE_DENSITY)
        vertices = (vertices / (resolution - 1) * 2 * BOX - BOX).astype(np.float32)
        points = torch.from_numpy(vertices).to(self.device)[None]
        colours = generator.field(planes, points)[1][0, :, :3].clamp(0, 1)
        colours = (colours * 255 + 0.5).byte().cpu().numpy()
        return trimesh.Trimesh(vertices, faces[:, ::-1], vertex_colors=colours, process=False)


def to_glb(mesh: trimesh.Trimesh) -> bytes:
    """Binary glTF of a vertex-coloured mesh. glTF's vertex colours are linear light, so sRGB is converted."""
    linear = mesh.copy()
    srgb = linear.visual.vertex_colors.astype(np.float32) / 255
    srgb[:, :3] = np.where(
        srgb[:, :3] <= 0.04045, srgb[:, :3] / 12.92, ((srgb[:, :3] + 0.055) / 1.055) ** 2.4
    )
    linear.visual.vertex_colors = (srgb * 255 + 0.5).astype(np.uint8)
    return linear.export(file_type="glb")


@load_once
def load(path: Path | None = None, device: str = "cpu") -> Head3D:
    """The shipped heads, or those of another weights file. FileNotFoundError where there is none."""
    return Head3D(*load_weights(path or weights_file("backbones/head3d", "head3d.safetensors")), device)
