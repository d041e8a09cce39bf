"""Files of an object: GLB, OBJ and PLY of its mesh, films and picture strips of its turntable."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

FRAMES_PER_SECOND = 12


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh: vertices float32 [v, 3] in the world of backbones/cameras.py, faces int32 [f, 3]
    counter-clockwise from outside, normals float32 [v, 3], colours float32 [v, 3] sRGB in 0..1."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colours: np.ndarray

    @classmethod
    def read(cls, glb: Path) -> Mesh:
        """Undo `glb`: read a file that it wrote."""
        (shape,) = trimesh.load_scene(glb, process=False).geometry.values()
        light = np.asarray(shape.visual.vertex_attributes["color"])[:, :3]
        return cls(
            np.asarray(shape.vertices, np.float32),
            np.asarray(shape.faces, np.int32),
            np.asarray(shape.vertex_normals, np.float32),
            linear_to_srgb(light).astype(np.float32),
        )

    def glb(self) -> bytes:
        """Binary glTF; COLOR_0 is linear light, as glTF demands. The light is already in the colours, hence
        the unlit material."""
        shape = trimesh.Trimesh(self.vertices, self.faces, vertex_normals=self.normals, process=False)
        # 8 bits of linear light are too few for dark colours: written as floats under a name of our own.
        shape.vertex_attributes["_LINEAR"] = srgb_to_linear(self.colours).astype(np.float32)
        return shape.export(file_type="glb", include_normals=True, tree_postprocessor=_colour_as_standard)

    def obj(self) -> str:
        """Wavefront OBJ with sRGB vertex colours after the coordinates."""
        return self._coloured().export(file_type="obj", include_color=True)

    def ply(self) -> bytes:
        """Binary PLY with sRGB vertex colours."""
        return self._coloured().export(file_type="ply")

    def _coloured(self) -> trimesh.Trimesh:
        colours = (self.colours * 255).round().astype(np.uint8)
        return trimesh.Trimesh(self.vertices, self.faces, vertex_colors=colours, process=False)

    def statistics(self) -> MeshStatistics:
        """Counts and sizes."""
        shape = trimesh.Trimesh(self.vertices, self.faces, process=False)
        return MeshStatistics(
            vertices=len(self.vertices),
            faces=len(self.faces),
            components=len(trimesh.graph.connected_components(shape.face_adjacency)),
            watertight=bool(shape.is_watertight and shape.is_winding_consistent),
            volume=float(shape.volume),
            area=float(shape.area),
            size=tuple(float(side) for side in shape.extents),
        )


@dataclass(frozen=True)
class MeshStatistics:
    """Of a mesh: counts; whether it is closed; volume, area and size (x, y, z) in world units."""

    vertices: int
    faces: int
    components: int
    watertight: bool
    volume: float
    area: float
    size: tuple[float, float, float]


def _colour_as_standard(tree: dict) -> None:
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["attributes"]["COLOR_0"] = primitive["attributes"].pop("_LINEAR")
            primitive["material"] = 0
    surface = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    tree["materials"] = [{"pbrMetallicRoughness": surface, "extensions": {"KHR_materials_unlit": {}}}]
    tree["extensionsUsed"] = [*tree.get("extensionsUsed", []), "KHR_materials_unlit"]


def srgb_to_linear(colours: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """Undo srgb_to_linear."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


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
