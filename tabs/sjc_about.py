"""How score Jacobian chaining works, what ours reaches, what it cannot do."""

from __future__ import annotations

from typing import Any

from pipelines.weights import read_card
from tabs.shell import Metric, Paper, how_it_works

STEPS = (
    r"A denoiser $D(x; \sigma)$ that was trained on captioned pictures gives their score: "
    r"$\nabla_x \log p_\sigma(x) = (D(x; \sigma) - x) / \sigma^2$.",
    r"The object is a grid of voxels $\theta$, each with a density and a colour; a camera $\pi$ sees the "
    r"picture $y = g(\theta, \pi)$. The chain rule lifts the score from pictures to voxels: "
    r"$\nabla_\theta \log p(\theta) = \mathbb{E}_\pi [ J_\pi^\top \nabla_y \log p(y) ]$.",
    r"The denoiser only understands noisy pictures, but $y$ is clean. So noise is added and the answers are "
    r"averaged (perturb-and-average): $\mathbb{E}_n [ (D(y + \sigma n; \sigma) - y) / \sigma^2 ]$ (Eq. 16).",
    "The prompt says where the camera stands, in the paper by one of four words, here by two angles too. "
    "Without that, every side wants to be the front.",
    "Empty space is rewarded. Our additions: noise levels and grid go from coarse to fine, and at the end "
    "the surface is cut out of the density as a closed, coloured mesh.",
)


def explain(paper: Paper, things: int) -> None:
    """The foot of the tab. `things`: how many kinds of things the embedded model has seen."""
    card, model = read_card(paper.name), read_card("backbones/diffusion")
    how_it_works(paper, STEPS, metrics(card), limits(card, model, things))


def metrics(card: dict[str, Any]) -> list[Metric]:
    """Rows of "what this model reaches"; what they were measured on is in the card too."""
    measured = card["metrics"]
    runs = "one run" if measured["prompts"] == 1 else f"median of {measured['prompts']}"
    facing, blind = measured["janus_of"]
    return [
        Metric(
            f"Seconds for one object, {measured['preset']} ({runs}), 2D samples not counted",
            "seconds_per_object",
            "{:.0f} s",
        ),
        Metric(
            "Seconds to its first preview, model loaded, 2D samples not counted",
            "first_preview_seconds",
            "{:.1f} s",
        ),
        Metric("A known object with an exact score, against its true views", "oracle_psnr", "{:.1f} dB"),
        Metric("The same without view prompts", "oracle_no_view_psnr", "{:.1f} dB"),
        Metric(
            f"A judge finds an object's own prompt among {measured['r_precision_of']} (normal preset)",
            "r_precision",
            "{:.0%}",
        ),
        Metric("The same for its mesh", "r_precision_mesh", "{:.0%}"),
        Metric("The same for true renders", "r_precision_true_renders", "{:.0%}"),
        Metric(
            f"{measured['held_out_prompts']} pairs of object and colour never seen together: object right",
            "held_out_object_right",
            "{:.0%}",
        ),
        Metric("the colour right", "held_out_colour_right", "{:.0%}"),
        Metric(f"Objects with a second front (Janus), of {facing}", "janus", "{:.0%}"),
        Metric(f"without view prompts, of {blind}", "janus_without_view_prompts", "{:.0%}"),
        Metric("of true renders, by the same judge", "janus_true_renders", "{:.0%}"),
        Metric("Views whose side the judge reads as asked (chance: 31 %)", "quadrant_right", "{:.0%}"),
        Metric("of true renders", "quadrant_right_true_renders", "{:.0%}"),
        Metric("Silhouettes' overlap with the true object", "silhouette_iou", "{:.2f}"),
    ]


def limits(card: dict[str, Any], model: dict[str, Any], things: int) -> tuple[str, ...]:
    """Honest limits. `model`: the card of the text-to-image model."""
    return (
        f"The embedded model has seen {things} kinds of things, in pictures of 32 pixels drawn from "
        "public-domain meshes: other prompts give the nearest thing it knows, and fine detail is beyond it.",
        "Light is baked into the colours.",
        f"It saw {round(model['metrics']['images'], -3):,} pictures, trained without a GPU: simple and "
        "round things come out well, thin or lopsided ones are rough, and "
        f"{card['metrics']['janus']:.0%} of the objects that have a front show a second one.",
        "The authors' code names 25 minutes on a GPU for Stable Diffusion, a far larger model: the two times "
        "do not compare the methods.",
        "The ready-made objects are among the better ones: of twelve that we made, a zebra and a "
        "tyrannosaurus with two heads, a shapeless sofa and a chair without a back were left out.",
    )
