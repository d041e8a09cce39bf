"""How GlanceNets work, what ours reach, what they cannot do."""

from __future__ import annotations

from tabs.shell import Metric

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
    "extended rule, ours, also asks that the hidden numbers are no larger than in training.",
    "The CBNM (concept-bottleneck net) beside it has the same encoder and classifier and learns from the "
    "same labels. It has no decoder, no prototypes and no way to refuse.",
    r"Leakage is $2\,|a - 1/2|$, where $a$ is the accuracy of a logistic probe that gets the concepts of "
    "pictures from outside the training world and is asked what they should not tell; a rejected picture "
    "counts as a coin's guess.",
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
    Metric("Robo-faces' jobs, every concept corrected", "intervention_full_accuracy", "{:.1%}"),
    Metric("Read a picture or set a concept, 95th percentile", "latency_ms_p95", "{:.0f} ms"),
)
LIMITS = (
    "Rejection lowers the number of answers; it does not clean the concepts: what is accepted leaks as "
    "before.",
    "A 9 that looks like a 4 passes both tests: a drawn 9 or 1 may be accepted.",
    "The Robo-faces are our own drawings, and the sprites are dSprites-style, regenerated, without rotation: "
    "alignment here can't be compared with the paper's, which reports it as plots on other data.",
    "A moved concept is redrawn by the decoder: that shows what the net believes, not what is true.",
    "A picture that you upload is cut to its middle square and made 64 pixels small (a digit: 28).",
)
