"""The text-to-image models that score chaining can use, each loaded once."""

from __future__ import annotations

from pipelines import runtime
from pipelines.backbones.diffusion import NAME, Denoiser
from pipelines.errors import InputError
from pipelines.runtime import load_once
from pipelines.sjc.prompts import KnownPrompts
from pipelines.weights import ASSETS, source

MODELS = ("embedded", "hub")
FIELD = "Text-to-image model"


def load_denoiser(model: str = "embedded") -> Denoiser:
    """The small model that ships with the project, or Stable Diffusion 1.5 from the hub, downloaded (about
    4 GB) if need be. The choice is the caller's, whatever NINE_PAPERS_MODELS prefers. Raises InputError if
    this computer can't have it."""
    if model not in MODELS:
        raise InputError("There is no such model.", f"Choose one of: {', '.join(MODELS)}.", FIELD)
    if model == "embedded":
        return embedded_denoiser()
    if source(asked=True) != "hub":
        raise InputError(
            "Stable Diffusion needs a GPU, and this computer offers none.",
            "Choose the embedded model, or run the project on a computer with an NVIDIA GPU.",
            FIELD,
        )
    return _stable_diffusion()


def embedded_denoiser() -> Denoiser:
    """The small model. Raises FileNotFoundError if it is not there."""
    from pipelines.backbones import diffusion

    return diffusion.load(runtime.device())


def _stable_diffusion() -> Denoiser:
    from pipelines.backbones import diffusion_hub

    try:
        return diffusion_hub.load()
    except OSError:
        raise InputError(
            "Stable Diffusion could not be downloaded.",
            "Check the network and the disk, or choose the embedded model.",
            FIELD,
        ) from None


@load_once
def known_prompts() -> KnownPrompts:
    """What the embedded model was taught, synonyms included ("a dog" for "a shiba inu dog")."""
    from pipelines.backbones import sentences, vocabulary
    from pipelines.backbones.captions import SYNONYMS

    known = vocabulary.load(ASSETS / NAME)
    synonyms = {
        f"a {other}": thing.prompts[0] for thing in known.things for other in SYNONYMS.get(thing.name, ())
    }
    return KnownPrompts(known.prompts(), sentences.load(), known.colours, synonyms)
