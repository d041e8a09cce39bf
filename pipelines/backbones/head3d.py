"""3D heads from a code or a picture: the embedded stand-in for EG3D that Dr.3D and DATID-3D start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_camera import Camera
from pipelines.backbones.head3d_checkpoint import load_weights
from pipelines.backbones.head3d_inversion import refine
from pipelines.backbones.head3d_mesh import extract, to_glb
from pipelines.backbones.head3d_model import OUTPUT_SIZE, RENDER_SIZE, W_DIM
from pipelines.backbones.head3d_person import ATTRIBUTES
from pipelines.backbones.head3d_volume import depth_normals
from pipelines.errors import InputError
from pipelines.picture import as_seen
from pipelines.runtime import load_once
from pipelines.weights import weights_file

if TYPE_CHECKING:
    import trimesh

    from pipelines.backbones.head3d_trainer import Networks

__all__ = ["ATTRIBUTES", "Camera", "Encoded", "Head3D", "HeadView", "load", "to_glb"]

SMALLEST_INPUT = 32
GREY = (0.72, 0.76, 0.80)


@dataclass(frozen=True)
class HeadView:
    """A head from one camera, 128 x 128. image uint8 [128, 128, 3] over the background asked for; alpha
    float32 [128, 128] in 0..1; depth float32 [128, 128], distance from the camera along each pixel's ray,
    head3d_camera.FAR where nothing is (a far shoulder can lie behind that), and between the two along the
    outline; normals float32 [128, 128, 3], unit length in the world, zero outside the head. Depth and
    normals are enlarged from 64 x 64."""

    image: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class Encoded:
    """What a picture says: w float32 [W_DIM] and the camera it was seen from."""

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
        """The mean head's w, float32 [W_DIM]."""
        return np.zeros(W_DIM, np.float32)

    @torch.inference_mode()
    def sample(self, seed: int, truncation: float = 0.8) -> np.ndarray:
        """A random head: w float32 [W_DIM]. `truncation` 0 gives the mean head, 1 the full variety, up to 1.5
        more than that. Any whole number is a seed. InputError for a truncation out of range.
        """
        if not 0 <= truncation <= 1.5:
            raise InputError("The variety must lie between 0 and 1.5.", "0.8 is a good start.", "truncation")
        random = torch.Generator().manual_seed(int(seed) % 2**63)
        z = torch.randn(1, self.networks.generator.config.z_dim, generator=random)
        return self.networks.generator.mapping(z.to(self.device), float(truncation))[0].cpu().numpy()

    def render(
        self, w: np.ndarray, camera: Camera, background: tuple[float, float, float] = GREY
    ) -> HeadView:
        """The head of w [W_DIM] as `camera` sees it, over an sRGB `background` in 0..1.

        InputError where w is of another length or not finite, or the camera's angles are not finite.
        """
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
        row = torch.from_numpy(np.array(w, np.float32))
        if row.shape != (W_DIM,) or not row.isfinite().all():
            raise InputError(f"A head's code is {W_DIM} finite numbers.", "Take a random head.", "head")
        return row[None].to(self.device)

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
        if not np.isfinite([camera.yaw, camera.pitch]).all():
            raise InputError("The camera's angles must be numbers.", "0 and 0 is the front.", "camera")
        return torch.from_numpy(camera.matrix()).float()[None].to(self.device)

    @torch.inference_mode()
    def encode(self, image: Image.Image | np.ndarray) -> Encoded:
        """Read w and the camera off a picture of one head, any size; it is cut to its middle square.

        Arrays are uint8 [h, w], [h, w, 3] or [h, w, 4]. Raises InputError for what is no picture, is damaged
        or is smaller than 32 pixels.
        """
        picture = self.prepare(image)
        w = self.networks.encoder(picture)[0].cpu().numpy()
        yaw, pitch = self.networks.pose(picture)[0].tolist()
        return Encoded(w, Camera(yaw, pitch))

    def refine(self, image: Image.Image | np.ndarray, encoded: Encoded, steps: int = 20) -> Iterator[Encoded]:
        """Better and better readings of the same picture, one after each gradient step on w.

        The camera stays. `encode` is done at once; a step takes somewhat longer than a render. No
        steps, no reading. Raises InputError as `encode` and `render` do, once the first is asked for.
        """
        picture, w = self.prepare(image), self._w(encoded.w)
        matrix = self._matrix(encoded.camera)
        for found in refine(self.networks.generator, w, matrix, picture, steps):
            yield Encoded(found[0].cpu().numpy(), encoded.camera)

    def prepare(self, image: Image.Image | np.ndarray) -> Tensor:
        """A picture as the encoder takes it: float [1, 3, 64, 64] in 0..1, upright; transparency is laid over
        grey. InputError as in `encode`.
        """
        if isinstance(image, np.ndarray):
            image = _from_array(image)
        if not isinstance(image, Image.Image):
            raise InputError("There is no picture.", "Upload a picture of one head.", "image")
        side = min(image.size)
        if side < SMALLEST_INPUT:
            raise InputError(
                f"The picture is only {side} pixels wide or high.",
                f"Use at least {SMALLEST_INPUT} pixels.",
                "image",
            )
        try:
            square = as_seen(_middle_square(ImageOps.exif_transpose(image)), ground=GREY)
        except Exception as error:  # Pillow raises nearly anything for a damaged file
            raise InputError(
                "The picture cannot be read.", "Save it anew as PNG or JPEG.", "image"
            ) from error
        small = np.asarray(square.resize((RENDER_SIZE, RENDER_SIZE), Image.Resampling.BOX), np.float32) / 255
        return torch.from_numpy(small).permute(2, 0, 1)[None].to(self.device)

    def edit(self, w: np.ndarray, attribute: str, amount: float) -> np.ndarray:
        """w moved along one of ATTRIBUTES; from -1 to 1 is about from low to high in the training persons.

        InputError for another attribute, or an amount that is no finite number.
        """
        if attribute not in self.directions:
            raise InputError(
                f"There is no attribute {attribute!r}.",
                f"Choose one of {', '.join(ATTRIBUTES)}.",
                "attribute",
            )
        if not np.isfinite(amount):
            raise InputError("The amount must be a number.", "1 is a strong change.", "amount")
        return np.asarray(w, np.float32) + np.float32(amount) * self.directions[attribute]

    @torch.inference_mode()
    def mesh(self, w: np.ndarray, resolution: int = 96) -> trimesh.Trimesh:
        """The head's closed surface in world units with sRGB vertex colours, a bust: shoulders end at the
        head's box, which renders show whole. See head3d_mesh.extract.
        """
        generator = self.networks.generator
        return extract(generator, generator.planes(self._w(w)), resolution)


def _from_array(image: np.ndarray) -> Image.Image:
    good = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
    if image.dtype != np.uint8 or not good or not image.size:
        raise InputError("This is not a picture.", "Upload a PNG or JPEG file.", "image")
    return Image.fromarray(image)


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


@load_once
def load(path: Path | None = None, device: str = "cpu") -> Head3D:
    """The shipped heads, or those of another weights file. FileNotFoundError where there is none."""
    with torch.inference_mode(False):  # whoever asks first may be in it, and `refine` needs gradients
        return Head3D(*load_weights(path or weights_file("backbones/head3d", "head3d.safetensors")), device)
