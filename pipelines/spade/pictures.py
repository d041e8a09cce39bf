"""Pictures: reading them safely, patch densities for heat-maps, and SPADE on pooled features."""

from __future__ import annotations

import csv
import io
import time
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter, zoom

from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.spade.analysis import Outcome, outcome
from pipelines.spade.columns import Features
from pipelines.spade.gaussian import GaussianDensity
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN, guess_value
from pipelines.spade.method import Mode
from pipelines.spade.summary import Reason

FIELD = "Pictures"
SIDE = 128
GRID = 16
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
MOST_PICTURES = 2000
FEWEST_PICTURES = 12
MOST_BYTES = 500_000_000
"""Unpacked size of a zip at most."""
MOST_RATIO = 200
"""Unpacked over packed size of one member at most: beyond it is a zip bomb."""
MOST_PIXELS = 40_000_000
SHOWN = 12
"""Pictures with a heat-map."""
MOST_PATCHES = 40_000
"""Patches that the patch density is fitted to."""
POOLED = 20
"""Principal directions of the pooled features that SPADE sees at most."""
BATCH = 16


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, with labels from folders or a CSV."""

    name: str
    names: tuple[str, ...]
    images: np.ndarray
    """uint8 [n, 128, 128, 3]."""
    y: np.ndarray
    truth: tuple[str, ...]
    """What truth.csv says of each, "" where nothing."""
    notes: tuple[str, ...]

    @property
    def counted(self) -> str:
        """How many there are of each label, in words."""
        normal, anomaly = int((self.y == NORMAL).sum()), int((self.y == ANOMALY).sum())
        rest = len(self.y) - normal - anomaly
        words = f"{normal} labelled normal, {anomaly} labelled anomaly, {rest} unlabelled."
        return f"{len(self.y):,} pictures: {words}"


@dataclass(frozen=True, eq=False)
class PicturesReport:
    """The result for pictures; the fields that a table's report has too mean the same."""

    pictures: Pictures
    features: Features
    outcome: Outcome
    top: np.ndarray
    heat: np.ndarray
    """Patch density per pixel of the top pictures, float32 [top, 128, 128], in [0, 1] of the set's range."""
    thing: str = "picture"

    @property
    def name(self) -> str:
        return self.pictures.name

    @property
    def row_names(self) -> tuple[str, ...]:
        return self.pictures.names

    @property
    def top_truth(self) -> tuple[str, ...]:
        """What truth.csv says of the top pictures."""
        if not any(self.pictures.truth):
            return ()
        return tuple(self.pictures.truth[i] for i in self.top)

    @property
    def column_facts(self) -> tuple[tuple[str, str, str], ...]:
        return ()

    def top_reasons(self, count: int) -> tuple[tuple[Reason, ...], ...]:
        """None: the heat-map is the reason."""
        return ()


def read_pictures(paths: Sequence[str | Path]) -> Pictures:
    """Read picture files and zips. Folders or a CSV (file, label) say what is labelled. Raises InputError."""
    notes: list[str] = []
    labels: dict[str, str] = {}
    truth: dict[str, str] = {}
    found: list[tuple[str, np.ndarray]] = []
    skipped = 0
    for name, data in _members(paths, notes):
        lowered = name.lower()
        if lowered.endswith(".csv"):
            (truth if PurePosixPath(lowered).name == "truth.csv" else labels).update(_named(data))
            continue
        if not lowered.endswith(SUFFIXES):
            skipped += 1
            continue
        image = _open(name, data, notes)
        if image is None:
            skipped += 1
            continue
        found.append((name, image))
        if len(found) > MOST_PICTURES:
            raise InputError(f"There are more than {MOST_PICTURES:,} pictures.", "Send fewer.", FIELD)
    if skipped:
        notes.append(f"{skipped:,} files are no readable pictures and were left out.")
    if len(found) < FEWEST_PICTURES:
        raise InputError(
            f"{len(found)} pictures were found; at least {FEWEST_PICTURES} are needed.",
            "Send a zip with folders normal, anomaly and unlabelled.",
            FIELD,
        )
    names = tuple(name for name, _ in found)
    images = np.stack([image for _, image in found])
    if (images == images[0]).all():
        raise InputError("All pictures are the same.", "Send different ones.", FIELD)
    y = np.array([_label(name, labels) for name in names])
    if not (y != UNKNOWN).any():
        notes.append("No folder or CSV says what is normal or an anomaly: every picture is unlabelled.")
    notes.append(f"Every picture was scaled to {SIDE} × {SIDE} pixels.")
    told = tuple(_lookup(name, truth) or "" for name in names)
    return Pictures(Path(paths[0]).name, names, images, y, told, tuple(dict.fromkeys(notes)))


def _members(paths: Sequence[str | Path], notes: list[str]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files, zips unpacked in memory: nothing is written, so no name can escape."""
    total = 0
    for path in map(Path, paths):
        if path.suffix.lower() != ".zip":
            yield path.name, path.read_bytes()
            continue
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError):
            raise InputError(f"{path.name} is not a zip file.", "Pack the folder again.", FIELD) from None
        with archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            for member in sorted(members, key=lambda member: member.filename):
                name = member.filename.replace("\\", "/")
                parts = PurePosixPath(name).parts
                if "__MACOSX" in parts or PurePosixPath(name).name.startswith("."):
                    continue
                if name.startswith("/") or ".." in parts or ":" in parts[0]:
                    notes.append("Files with unsafe names were left out.")
                    continue
                if (member.external_attr >> 16) & 0o170000 == 0o120000:
                    notes.append("Links were left out.")
                    continue
                if name.lower().endswith(".zip"):
                    notes.append("Zips inside the zip were left out.")
                    continue
                total += member.file_size
                if (
                    total > MOST_BYTES
                    or member.file_size > MOST_RATIO * max(1, member.compress_size) + 1_000_000
                ):
                    raise InputError(
                        f"{path.name} unpacks to too much.", f"Stay under {MOST_BYTES // 10**6} MB.", FIELD
                    )
                try:
                    yield name, archive.read(member)
                except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):
                    notes.append("Members that are damaged or encrypted were left out.")


def _open(name: str, data: bytes, notes: list[str]) -> np.ndarray | None:
    """A picture as uint8 [128, 128, 3], or None if it is none. Turned as its EXIF data say, on white."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    notes.append(f"Pictures of over {MOST_PIXELS // 10**6} megapixels were left out.")
                    return None
                if picture.width < 8 or picture.height < 8:
                    notes.append("Pictures smaller than 8 × 8 pixels were left out.")
                    return None
                if getattr(picture, "n_frames", 1) > 1:
                    notes.append("Of moving pictures the first frame was taken.")
                picture.draft("RGB", (2 * SIDE, 2 * SIDE))
                return _plain(picture)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, MemoryError):
        return None


def _plain(picture: Image.Image) -> np.ndarray:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        pixels = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if pixels.max() > 255 else 255.0
        picture = Image.fromarray(np.clip(255 * pixels / top, 0, 255).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        picture = Image.new("RGBA", clear.size, "white")
        picture.alpha_composite(clear)
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _named(data: bytes) -> dict[str, str]:
    """file -> word, from a CSV of two columns."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", errors="replace")))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


def _lookup(name: str, words: dict[str, str]) -> str | None:
    return words.get(name, words.get(PurePosixPath(name).name))


def _label(name: str, labels: dict[str, str]) -> int:
    """1, 0 or -1 from a CSV of labels, else from the innermost folder whose name says it."""
    word = _lookup(name, labels)
    if word is not None:
        return {"anomaly": ANOMALY, "normal": NORMAL}.get(guess_value(word), UNKNOWN)
    for folder in reversed(PurePosixPath(name).parts[:-1]):
        meaning = guess_value(folder)
        if meaning in ("anomaly", "normal"):
            return ANOMALY if meaning == "anomaly" else NORMAL
    return UNKNOWN


def embed(images: np.ndarray, encoder: object) -> Iterator[Progress | np.ndarray]:
    """Patch features float32 [n, 256, d] of uint8 [n, 128, 128, 3]; yields Progress, finally the array."""
    parts = []
    for i in range(0, len(images), BATCH):
        yield Progress(i, len(images), f"looking at pictures, {i} of {len(images)}")
        parts.append(encoder.embed(images[i : i + BATCH]))
    yield np.concatenate(parts)


def centred(patches: np.ndarray) -> np.ndarray:
    """Patch features less their picture's mean, over its spread: a defect is odd within its own picture."""
    return (patches - patches.mean(axis=1, keepdims=True)) / (patches.std(axis=1, keepdims=True) + 0.05)


@dataclass(frozen=True)
class PatchDensity:
    """One Gaussian over patch features, wherever the patch lies; its score is the heat."""

    mean: np.ndarray
    deviation: np.ndarray
    density: GaussianDensity

    @classmethod
    def fit(cls, patches: np.ndarray, generator: np.random.Generator) -> PatchDensity:
        """Fit to patches float [n, 256, d] of labelled normals and unlabelled pictures."""
        flat = centred(patches).reshape(-1, patches.shape[-1])
        if len(flat) > MOST_PATCHES:
            flat = flat[np.sort(generator.choice(len(flat), MOST_PATCHES, replace=False))]
        flat = flat.astype(np.float64)
        mean, deviation = flat.mean(axis=0), flat.std(axis=0) + 1e-6
        return cls(mean, deviation, GaussianDensity(floor=0.05).fit((flat - mean) / deviation))

    def heat(self, patches: np.ndarray) -> np.ndarray:
        """Root of the Mahalanobis distance per patch, float [n, 16, 16]."""
        flat = (centred(patches).reshape(-1, patches.shape[-1]) - self.mean) / self.deviation
        return np.sqrt(self.density.score(flat)).reshape(len(patches), GRID, GRID)


def pooled(images: np.ndarray, patches: np.ndarray, heat: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """One row of features per picture: its extreme patches, its hottest ones, its light.

    images uint8 [n, h, w, 3], patches float [n, 256, d], heat float [n, 16, 16]; fitted bool [n]: the
    pictures that the principal directions come from. Returns float [n, at most POOLED + 10].
    """
    from sklearn.decomposition import PCA

    own = centred(patches)
    extremes = np.concatenate([own.max(axis=1), own.min(axis=1)], axis=1)
    extremes = (extremes - extremes[fitted].mean(axis=0)) / (extremes[fitted].std(axis=0) + 1e-6)
    count = min(POOLED, max(4, int(fitted.sum()) // 8))
    main = PCA(count, random_state=0, svd_solver="full").fit(extremes[fitted]).transform(extremes)
    hottest = np.sort(heat.reshape(len(heat), -1), axis=1)[:, ::-1]
    tops = np.stack([hottest[:, 0], hottest[:, :4].mean(1), hottest[:, :16].mean(1), hottest.mean(1)], axis=1)
    light = np.concatenate([images.mean(axis=(1, 2)), images.std(axis=(1, 2))], axis=1)
    return np.concatenate([main, tops, light], axis=1)


def analyse_pictures(
    pictures: Pictures, mode: Mode = "robust", seed: int = 0, encoder: object = None
) -> Iterator[Progress | PicturesReport]:
    """Find the odd pictures and where they are odd. Yields Progress, finally a PicturesReport."""
    start = time.monotonic()
    yield Progress(0, 1, "loading the encoder")
    if encoder is None:
        from pipelines.spade.encoder import load

        encoder = load()
    for part in embed(pictures.images, encoder):
        if isinstance(part, Progress):
            yield part
        else:
            patches = part
    yield Progress(0, 1, "densities of patches")
    density = PatchDensity.fit(patches[pictures.y != ANOMALY], np.random.default_rng(seed))
    heat = density.heat(patches)
    X = pooled(pictures.images, patches, heat, np.ones(len(heat), dtype=bool))
    truth = missed = None
    if any(pictures.truth):
        truth, missed = _truth(pictures)
    types = np.where(pictures.y == ANOMALY, "anomaly", "")
    for report in outcome(X, pictures.y, mode, seed, list(pictures.notes), truth, missed, types):
        if isinstance(report, Progress):
            yield report
        else:
            result = report
    order = result.order[pictures.y[result.order] == UNKNOWN]
    top = (order if len(order) else result.order)[:SHOWN]
    low, high = np.quantile(heat, (0.5, 0.9995))
    yield PicturesReport(
        pictures,
        Features(X, np.arange(X.shape[1]), tuple(f"feature {i}" for i in range(X.shape[1]))),
        result.timed(time.monotonic() - start),
        top,
        np.stack([heat_pixels(heat[i], low, high) for i in top]),
    )


def heat_pixels(heat: np.ndarray, low: float, high: float) -> np.ndarray:
    """Heat of patches [16, 16] as pixels [128, 128] in [0, 1]; each patch covers its own 8 x 8 pixels."""
    scaled = np.clip((heat - low) / max(high - low, 1e-9), 0, 1)
    return gaussian_filter(zoom(scaled, SIDE // GRID, order=0), 4).astype(np.float32)


def _truth(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    meaning = np.array([guess_value(word) if word else "" for word in pictures.truth])
    truth = np.select([meaning == "anomaly", meaning == "normal"], [1, 0], -1)
    words = np.array(pictures.truth)
    given = set(words[pictures.y == ANOMALY])
    truth = np.where(pictures.y == UNKNOWN, truth, -1)
    return truth, (truth == 1) & ~np.isin(words, list(given))
