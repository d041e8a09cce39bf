"""How GlanceNets work, what ours reach, what they cannot do."""

from __future__ import annotations

from pipelines.glancenets import WORLDS
from tabs.shell import Metric


def rule_words(world: str) -> str:
    """A world's linear rule in words, class by class."""
    known = WORLDS[world]
    names = [concept.label.lower() for concept in known.concepts] + [""]
    classes = []
    for label, weights in zip(known.classes, known.rule, strict=True):
        terms = [
            f"{'+' if weight > 0 else '−'} " + " × ".join(filter(None, [_factor(weight, name), name]))
            for weight, name in zip(weights, names, strict=True)
            if weight
        ]
        classes.append(f"{label}: {' '.join(terms).removeprefix('+ ')}")
    return "; ".join(classes)


def _factor(weight: float, name: str) -> str:
    return "" if name and abs(weight) == 1 else f"{abs(weight):g}"


STEPS = (
    r"An encoder reads a picture $x$ as a Gaussian over a code, $q(z|x) = N(\mu(x), \sigma^2(x))$. The first "
    "numbers, $z_J$, are the concepts: the classifier sees nothing else. The others are hidden numbers that "
    "only the decoder $p(x|z)$ uses.",
    r"The prior depends on the class, $p(z|y)$: one Gaussian per class around a learnt prototype $\mu_y$. "
    r"Training maximises $E_q[\log p(x|z) + \log p(y|z_J)] - \beta\, KL(q(z|x) \,\|\, p(z|y))$ and, where "
    r"concepts are labelled, $\gamma$ times their log likelihood under $\sigma(z_J)$.",
    r"The class is decided by one dense layer, $p(y|z_J) = \mathrm{softmax}(W z_J)$, so that each concept's "
    r"part, $w_{yj} z_j$, can be shown. As in the authors' code, $z_j$ enters as $\tanh(z_j / 2)$.",
    r"A picture is accepted only if it is redrawn well, $\|x - \hat x\| < \eta_r$, and its concepts lie near "
    r"some prototype, $\|\mu_y - z\| < \eta_y$. Each limit is the 95th percentile of training pictures. The "
    "extended rule, ours, also asks that the hidden numbers are no larger than those of 94 % of training "
    "pictures.",
    "The CBNM (concept-bottleneck net) beside it has the same encoder and classifier and learns from the "
    "same labels. It has no decoder, no prototypes and no way to refuse.",
    r"Leakage is $2\,|a - 1/2|$, where $a$ is the accuracy of a logistic probe that gets the concepts of "
    "pictures from outside the training world and is asked what they should not tell; a rejected picture "
    "counts as a coin's guess.",
    "Settings that differ between the worlds: digits learn no label term ($\\lambda = 0$; their two concepts "
    "are the classes, and the dense layer is fitted afterwards), neither in the GlanceNet nor in the CBNM. "
    "Robo-faces have Gaussian pixels, the others Bernoulli ones. The card lists the weights.",
    "The Robo-faces' jobs follow a linear rule that we publish here: the job with the largest score wins, "
    f"every concept running from 0 to 1. {rule_words('faces')}.",
)
METRICS = (
    Metric("Leakage on digits: CBNM", "leak1_cbnm", "{:.1%}", "about 28 %"),
    Metric("GlanceNet, no rejection", "leak1_no_rejection", "{:.1%}", "about 30 %"),
    Metric("GlanceNet, the paper's rule", "leak1_glancenet_paper_rule", "{:.1%}", "about 2 %"),
    Metric("GlanceNet, extended rule (ours)", "leak1_glancenet_extended", "{:.1%}"),
    Metric(
        "Other digits accepted, the paper's rule", "leakage.digits.coverage_paper", "{:.1%}", "about 15 %"
    ),
    Metric("Other digits accepted, extended rule", "leakage.digits.coverage_extended", "{:.1%}"),
    Metric("New 4s and 5s accepted, extended rule", "leak1_accept_45", "{:.1%}"),
    Metric("Leakage on sprites off the centre: CBNM", "leak2_cbnm", "{:.1%}", "80 %"),
    Metric("GlanceNet, no rejection", "leak2_no_rejection", "{:.1%}", "98 %"),
    Metric("GlanceNet, the paper's rule", "leak2_glancenet", "{:.1%}", "about 0 %"),
    *(
        Metric(f"Alignment, {level} of concepts labelled: {name}", f"alignment.{level}.{key}", "{:.3f}")
        for level in ("1%", "10%", "100%")
        for name, key in (("GlanceNet", "glancenet"), ("CBNM", "cbnm"))
    ),
    Metric("Robo-faces with a hat accepted, the paper's rule", "accepted_faces.hat.paper", "{:.1%}"),
    Metric("Robo-faces at dusk or night accepted", "accepted_faces.background.paper", "{:.1%}"),
    Metric("Robo-faces' jobs, every concept corrected", "intervention_full_accuracy", "{:.1%}"),
    Metric("Read a picture or set a concept, 95th percentile", "latency_ms_p95", "{:.0f} ms"),
)
LIMITS = (
    "Rejection lowers the number of answers; it does not clean the concepts: of the strangers that slip "
    "through, the concepts tell more than of the others.",
    "Most 1s and more than half of the 9s pass the paper's rule on digits; the extended rule stops most 1s, "
    "not the 9s that look like a 4.",
    "Alignment is a tie: in a world this easy we see nothing of the advantage over the CBNM that the paper "
    "reports.",
    "The sprites' leakage differs widely between nets; on the page stands the first of three.",
    "The Robo-faces are our own drawings, and the sprites are dSprites-style, regenerated, without rotation: "
    "alignment here can't be compared with the paper's, which reports it as plots on other data.",
    "A moved concept is redrawn by the decoder: that shows what the net believes, not what is true.",
    "A picture that you upload is cut to its middle square and made 64 pixels small (a digit: 28).",
)
