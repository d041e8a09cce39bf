"""The objects that the text-to-image model learns: asset meshes and procedural families, with what names
them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipelines.backbones.cameras import OBJECT_RADIUS
from pipelines.backbones.captions import Subject
from pipelines.backbones.families import FAMILIES, PALETTE, family_mesh
from pipelines.backbones.raster import OWN_COLOUR, PRIMARY, Mesh, MeshBank, bank_of

PACK = "objects.npz"
SHAPES_PER_ATTRIBUTE = 6
PART_COLOURS = ("white", "black", "red", "yellow", "blue")
RECOLOUR_SHARE = 0.35  # a mesh takes other colours if this share of its area has one colour
# How often a training image shows a mesh as it is, a recoloured mesh, a procedural object.
MESH_WEIGHT, RECOLOURED_WEIGHT, FAMILY_WEIGHT = 0.5, 0.15, 0.35

# What a model that can see only a few hundred thousand images is taught, besides the families.
CORE_BASES = """
    apple, banana, burger, birthday cake, donut with sprinkles, pineapple, pumpkin, pizza, ice cream,
    watermelon, mushroom, sofa, office chair, lounge chair, double bed, bookcase, table lamp,
    television, zebra, horse, cow, pig, sheep, shiba inu dog, cat, shark, whale, chick, tyrannosaurus,
    fox, sedan car, race car, school bus, fire truck, police car, tractor, bicycle, sailing ship,
    passenger airplane, steam locomotive, pine tree, palm tree, cactus, potted plant, castle with red
    roof, windmill with red roof, cottage with blue roof, igloo, barn, heart, star, treasure chest, fire
    hydrant, crown, lantern, toadstool
"""

# Never shown in training: the test of whether colour and object compose.
HELD_OUT_COLOURS: dict[str, tuple[str, ...]] = {
    "chair": ("teal", "pink"),
    "table": ("blue", "orange"),
    "mug": ("red", "purple"),
    "lamp": ("teal", "black"),
    "tree": ("blue", "purple"),
    "house": ("green", "orange"),
    "car": ("pink", "purple"),
    "snowman": ("red", "teal"),
    "vase": ("yellow", "gray"),
    "tower": ("brown", "pink"),
    "rocket": ("white", "purple"),
    "pig": ("blue",),
    "cow": ("purple",),
    "cat": ("green",),
    "whale": ("pink",),
    "sofa": ("pink",),
    "tea cup": ("teal",),
    "pumpkin": ("blue",),
    "apple": ("purple",),
    "bus": ("pink",),
    "barrel": ("green",),
    "shark": ("red",),
    "tent": ("yellow",),
    "igloo": ("orange",),
    "barn": ("teal",),
}


@dataclass(frozen=True)
class Scene:
    """One thing that can be drawn and named.

    `meshes`: indices in the bank of its shapes; `colours`: palette names for the PRIMARY and SECONDARY
    faces, "" keeps the mesh's own; `base` groups recoloured variants of one object; `weight`: its share of
    the training images.
    """

    subject: Subject
    base: str
    category: str
    meshes: tuple[int, ...]
    colours: tuple[str, str]
    weight: float

    def held_out(self) -> bool:
        """Whether training must not show it: its colour with its name or with any noun of its name."""
        nouns = (self.base, *self.base.split())
        return any(self.subject.colour in HELD_OUT_COLOURS.get(noun, ()) for noun in nouns)


@dataclass(frozen=True)
class ObjectSet:
    """All meshes and every scene made of them; held-out scenes have weight 0."""

    bank: MeshBank
    scenes: tuple[Scene, ...]

    def slot_colours(self, scene: Scene) -> np.ndarray:
        """float32 [2, 3]: sRGB in 0..1 of the scene's PRIMARY and SECONDARY faces, NaN where they keep their
        own."""
        own = (np.nan, np.nan, np.nan)
        return np.array([np.array(PALETTE.get(name, own)) / 255 for name in scene.colours], np.float32)


def load(data: Path | None, core: bool = False) -> ObjectSet:
    """Objects from a directory with objects.npz (see write_pack), or with captions.csv and the glb files it
    names; `core`: only those of CORE_BASES. The procedural families are always there, alone if `data` is
    None."""
    rows, meshes = ([], []) if data is None else _read(data)
    if core:
        bases = {" ".join(name.split()) for name in CORE_BASES.split(",")}
        kept = [index for index, row in enumerate(rows) if row["base_object"] in bases]
        rows, meshes = [rows[index] for index in kept], [meshes[index] for index in kept]
    scenes = _mesh_scenes(rows, meshes)
    for family in FAMILIES:
        for attribute in family.attributes:
            first = len(meshes)
            meshes += [family_mesh(family, attribute, k) for k in range(SHAPES_PER_ATTRIBUTE)]
            scenes += _family_scenes(family, attribute, tuple(range(first, len(meshes))))
    return ObjectSet(bank_of(meshes), tuple(scenes))


def _read(data: Path) -> tuple[list[dict[str, str]], list[Mesh]]:
    return read_pack(data / PACK) if (data / PACK).is_file() else read_directory(data)


def _mesh_scenes(rows: list[dict[str, str]], meshes: list[Mesh]) -> list[Scene]:
    by_base: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        by_base.setdefault(row["base_object"], []).append(index)
    scenes, recoloured = [], []
    for base, indices in by_base.items():
        weight = MESH_WEIGHT / len(by_base) / len(indices)
        category = rows[indices[0]]["category"]
        for index in indices:
            scenes.append(Scene(Subject(rows[index]["name"]), base, category, (index,), ("", ""), weight))
        first = indices[0]
        if len(indices) > 1:
            meshes[first] = _with_variant_slots(meshes[first], meshes[indices[1]])
        if not (meshes[first].slots == PRIMARY).any() or set(base.split()[:1]) & set(PALETTE):
            continue
        name = rows[first]["name"] if len(indices) == 1 else base
        recoloured += [
            Scene(Subject(name, colour), base, category, (first,), (colour, ""), 1.0) for colour in PALETTE
        ]
    return scenes + _share(recoloured, RECOLOURED_WEIGHT)


def _family_scenes(family, attribute: str, meshes: tuple[int, ...]) -> list[Scene]:
    scenes = []
    for colour in PALETTE:
        plain = Subject(family.name, colour, attribute)
        colours = (colour, family.part_default or colour)
        scenes.append(Scene(plain, family.name, "family", meshes, colours, float(len(PART_COLOURS))))
        for part_colour in PART_COLOURS:
            subject = Subject(family.name, colour, attribute, family.part, part_colour)
            scenes.append(Scene(subject, family.name, "family", meshes, (colour, part_colour), 1.0))
    return _share(scenes, FAMILY_WEIGHT / len(FAMILIES) / len(family.attributes))


def _share(scenes: list[Scene], total: float) -> list[Scene]:
    """Scale weights to `total`, with 0 for held-out scenes."""
    weights = np.array([0.0 if scene.held_out() else scene.weight for scene in scenes])
    weights *= total / max(weights.sum(), 1e-12)
    return [
        Scene(s.subject, s.base, s.category, s.meshes, s.colours, float(w))
        for s, w in zip(scenes, weights, strict=True)
    ]


def read_directory(data: Path) -> tuple[list[dict[str, str]], list[Mesh]]:
    """Rows of captions.csv (file, name, category, base_object, ...) and the mesh of each."""
    import trimesh

    with (data / "captions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    meshes = []
    for row in rows:
        loaded = trimesh.load(data / row["file"], force="mesh", process=False)
        colours = np.asarray(loaded.visual.vertex_colors)[loaded.faces[:, 0], :3] / 255
        meshes.append(_with_slots(np.asarray(loaded.vertices), np.asarray(loaded.faces), colours))
    return rows, meshes


def _with_slots(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray) -> Mesh:
    """Mark the faces of the most common colour as PRIMARY, if there are enough of them."""
    edges = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    distinct, member = np.unique(np.round(colours * 255).astype(np.uint8), axis=0, return_inverse=True)
    distance = np.linalg.norm((distinct[:, None].astype(float) - distinct) / 255, axis=2)
    mass = (distance < 0.2) @ np.bincount(member.ravel(), area)
    common = int(mass.argmax())
    slots, tints = np.full(len(faces), OWN_COLOUR), np.ones(len(faces))
    if mass[common] >= RECOLOUR_SHARE * area.sum():
        chosen = (distance[common] < 0.2)[member.ravel()]
        slots[chosen] = PRIMARY
        tints[chosen] = _tints(colours[chosen], distinct[common] / 255)
    return Mesh(vertices, faces, colours, slots, tints)


def _with_variant_slots(mesh: Mesh, other: Mesh) -> Mesh:
    """Of two variants that differ in one colour ("red sofa", "blue sofa"), what differs is PRIMARY."""
    chosen = np.abs(mesh.colours - other.colours).max(axis=1) > 0.02
    tints = np.ones(len(mesh.faces))
    tints[chosen] = _tints(mesh.colours[chosen], np.median(mesh.colours[chosen], axis=0))
    return Mesh(mesh.vertices, mesh.faces, mesh.colours, np.where(chosen, PRIMARY, OWN_COLOUR), tints)


def _tints(colours: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Brightness of colours [n, 3] relative to the common one [3], kept within what still reads as that
    colour."""
    return np.clip((colours.mean(axis=1) + 0.02) / (common.mean() + 0.02), 0.6, 1.3)


def write_pack(rows: list[dict[str, str]], meshes: list[Mesh], file: Path) -> None:
    """Write names and meshes into one small .npz that needs no mesh library: 16-bit coordinates, 8-bit
    colours."""
    keys = ("name", "category", "base_object")
    np.savez_compressed(
        file,
        rows=np.array(json.dumps([{key: row[key] for key in keys} for row in rows])),
        vertex_counts=np.array([len(mesh.vertices) for mesh in meshes]),
        face_counts=np.array([len(mesh.faces) for mesh in meshes]),
        vertices=np.concatenate([np.round(m.vertices / OBJECT_RADIUS * 32767) for m in meshes]).astype(
            np.int16
        ),
        faces=np.concatenate([mesh.faces for mesh in meshes]).astype(np.uint16),
        colours=np.concatenate([np.round(mesh.colours * 255) for mesh in meshes]).astype(np.uint8),
    )


def read_pack(file: Path) -> tuple[list[dict[str, str]], list[Mesh]]:
    """Undo write_pack."""
    with np.load(file, allow_pickle=False) as pack:
        rows = json.loads(str(pack["rows"]))
        vertex_starts = np.cumsum([0, *pack["vertex_counts"]])
        face_starts = np.cumsum([0, *pack["face_counts"]])
        vertices = pack["vertices"] / 32767 * OBJECT_RADIUS
        faces, colours = pack["faces"].astype(np.int64), pack["colours"] / 255
    spans = zip(pairwise(vertex_starts), pairwise(face_starts), strict=True)
    return rows, [_with_slots(vertices[v:w], faces[f:g], colours[f:g]) for (v, w), (f, g) in spans]
