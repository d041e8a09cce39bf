"""How BARTSmiles works, what ours reaches, what it cannot do."""

from __future__ import annotations

from tabs.shell import Metric

STEPS = (
    "A molecule is written as a SMILES string. Here every atom is one token; the paper cuts strings into "
    "1,021 pieces of several letters that know no chemistry.",
    "Pre-training: spans of the string are cut out, each replaced by one `<mask>`, and BART (an encoder that "
    "reads, a decoder that writes) learns to write the whole string: "
    r"$L = -\sum_t \log p(x_t \mid x_{<t}, \tilde x)$. Here 30 % of the tokens, in spans of "
    r"$\ell \sim \mathrm{Poisson}(3)$, half of the strings in a random atom order.",
    "Fine-tuning: encoder and decoder both read the string; the decoder's state at the last `</s>` feeds a "
    "small head per property. R3F keeps class heads steady under tiny noise, and four checkpoints are "
    "averaged. The paper fine-tunes one model per property; ours shares one trunk.",
    "Integrated Gradients asks how the answer grows on the way from a blank string $x'$, whose tokens have "
    "the embedding 0, to the molecule $x$: "
    r"$a_i = (x_i - x'_i) \int_0^1 \partial_i f(x' + \alpha (x - x'))\, d\alpha$, over what encoder and "
    "decoder read. The values add up to the change of the answer; the completeness error says how nearly.",
    "Occlusion masks one atom at a time and looks how far the answer falls.",
    "A molecule can be written in many ways. Eight of them are averaged, and their spread is shown: a map "
    "that depends on the way of writing explains the notation, not the molecule.",
)
METRICS = (
    Metric("Solubility (ESOL), RMSE in log mol/l, new scaffolds", "esol_scaffold_rmse", "{:.2f}"),
    Metric("Hydration free energy (FreeSolv), RMSE in kcal/mol", "freesolv_scaffold_rmse", "{:.2f}"),
    Metric("Lipophilicity, RMSE in logD", "lipophilicity_scaffold_rmse", "{:.2f}"),
    Metric("Blood-brain barrier (BBBP), AUC", "bbbp_scaffold_auc", "{:.3f}"),
    Metric("BACE-1, AUC", "bace_scaffold_auc", "{:.3f}"),
    Metric("Clinical toxicity (ClinTox), charges taken out, AUC", "clintox_neutralised_auc", "{:.3f}"),
    Metric("the same with charges left in (see the lesson)", "clintox_as_written_auc", "{:.3f}"),
    Metric("Tasks, of six, on which pre-training helps (shorter fine-tuning)", "pretraining_wins_of_6", "{}"),
    Metric(
        "30 % of a molecule masked: of five different molecules asked for, how many come (RDKit checks while "
        "it writes)",
        "infill_validity",
        "{:.0%}",
    ),
    Metric("the true molecule is among the five", "infill_true_in_5", "{:.0%}"),
    Metric("valid ones of five without that check, the rest held", "infill_validity_held", "{:.0%}"),
    Metric("valid ones of five when it writes freely, as in the paper", "infill_validity_free", "{:.0%}"),
    Metric(
        "Maps of a head for Crippen's logP, correlation with the known parts", "crippen_pearson", "{:.2f}"
    ),
    Metric("the same by gradient × input", "crippen_pearson_gradient", "{:.2f}"),
    Metric("Maps of a head for benzene rings: AUC per atom", "benzene_auc", "{:.3f}"),
    Metric("Molecules whose answer falls faster by the map than at random", "deletion_better", "{:.0%}"),
    Metric("Completeness error, median", "completeness_median", "{:.2%}"),
    Metric("Correlation with maps of random weights, mean size", "sanity_correlation", "{:.2f}"),
    Metric("the same with atoms shuffled: what chance gives", "sanity_correlation_by_chance", "{:.2f}"),
    Metric("Predict one molecule, 95th percentile", "predict_ms_p95", "{:.0f} ms"),
    Metric("Integrated Gradients of one molecule", "ig_seconds", "{:.2f} s"),
    Metric("Molecules per second in a CSV", "csv_molecules_per_second", "{:.0f}"),
)
LIMITS = (
    "The paper's model has 354 million parameters and read 1.7 billion molecules; ours has 7.5 million, "
    "trained on two cores.",
    "Scores are on a scaffold split, where test molecules have ring systems that were not trained on; the "
    "paper splits solubility, hydration, lipophilicity and ClinTox at random, so its figures cannot be "
    "compared and none stand here.",
    "Descriptors such as a computed logP nearly encode solubility: forests on them are hard to beat, and "
    "stand beside our scores.",
    "A map explains the model, not nature. Where a head is weak, its map is too.",
    "The blank string that every map starts from is no molecule; another start gives another map. It was "
    "chosen over a string of masks on molecules like those of training.",
    "Stereochemistry is read as written, but the sets behind the heads hold little of it. No metals, "
    "polymers or proteins; at most 126 tokens.",
    "Not a medical or safety tool: BBBP, BACE and ClinTox are small sets of known drugs.",
)
