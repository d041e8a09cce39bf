"""Write assets/consensus anew after training: the card, then the first example's table.

    python -m pipelines.consensus.export

Figures that the card already holds stay.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.consensus import load
from pipelines.consensus.examples import EXAMPLES
from pipelines.consensus.table import Table, table_to_dict
from pipelines.weights import ASSETS, write_card

NAME = "consensus"
SEED = 1
FIRST = EXAMPLES[0].name
"""The example that the page shows at load: one in which the aversion changes the winner."""
ATTRIBUTION = (
    "Data was gathered using the Polis software (see: compdemocracy.org/polis and "
    "github.com/compdemocracy/polis) and is sub-licensed under CC BY 4.0 with Attribution to The "
    "Computational Democracy Project."
)
CARD: dict[str, Any] = {
    "name": NAME,
    "model": "Two reward models of individual agreement, r(question, opinion, statement) -> 1..7: "
    "all-MiniLM-L6-v2 "
    "(22.7 million parameters) as a cross-encoder, its embeddings frozen, its six layers fine-tuned "
    "and kept as int8 differences. The ranker chooses statements; the judge, trained on other topics "
    "with another seed, measures how well. votes.safetensors: a linear guess of a statement's agree "
    "share, for trials on real votes. The language model has its own card (backbones/language).",
    "parameters": {"ranker": "10.6 million trained", "judge": "10.6 million trained"},
    "licence": "Apache-2.0 (weights); the data keep their licences",
    "data": [
        "ArgKP (KPA 2021 shared task, IBM; github.com/IBM/KPA_2021_shared_task): 28 motions with "
        "6,515 arguments for and against. CDLA-Sharing 1.0.",
        "Perspectrum (Chen et al. 2019; github.com/CogComp/perspectrum): about 900 claims with "
        "perspectives for and against; its official split. CC BY-SA 4.0.",
        "Question bank of the Habermas Machine (github.com/google-deepmind/habermas_machine): 5,645 "
        "questions with an affirming and a negating statement, of which up to 2,000 for each model. "
        "CC BY 4.0.",
        f"Polis open data (github.com/compdemocracy/openData), ten English conversations, ranker "
        f"only. {ATTRIBUTION}",
    ],
    "splits": "Every topic belongs to one part: ranker, judge, validation or test "
    "(pipelines/consensus/data.py). Claims "
    "whose embeddings have a cosine of 0.72 or more with a claim of another part were removed. Three "
    "Polis conversations were held out as a whole, of the others 30 % of the people and of the "
    "statements. No test topic was trained or tuned on.",
    "labels": "Human ratings of consensus statements are not publicly at hand (those of the "
    "Habermas Machine lie in a "
    "bucket and could be used where there is network). The scale of 1 to 7 comes from a rule over "
    "what a statement grants a person, written down in pipelines/consensus/grades.py: one's own side "
    "5.7, with one's own point 6.5, with a concession to the others 5.3 to 6.1; no side but one's "
    "point 4.9; the other side conceding one's point 3.8, one's side's point 3.1; the plain opposite "
    "1.5. Both ranker and judge learn this rule, so the win rates say how well statements follow it, "
    "not that people would agree.",
    "limits": "Wanted were stance accuracies of .88 (ArgKP) and .78 (Perspectrum) on held-out topics. Of the "
    "seven test motions of ArgKP it reads four well (.88 to .90) and three hardly better than chance "
    "(closing Guantanamo, ending affirmative action, ending mandatory retirement: .51 to .59); what "
    "arguments on them mean probably takes knowledge that so small a model lacks. The judge learnt from"
    " a quarter of the topics and is weaker (validation: stance .628, the ranker's .838), so win rates "
    "under it are uncertain; they come from 14 topics, and their intervals are over topics. By the rule"
    " one's own words are worth 6.8 to oneself: with their author's own voice people's own opinions win"
    " over most statements (wanted: statements win in 60 %), among the others statements win. On "
    "conversations that it has not seen, votes as a persona tell little about who agrees, and most of "
    "the gain in choosing comes from knowing others' votes.",
    "train_command": "python -m pipelines.consensus.train --part ranker --data DIR, in four runs, each "
    "with --resume FILE of the one before: --minutes 20, 13, about 7, and 26 (the last with attention "
    "computed twice as fast, 52,280 pairs); --part judge --minutes 8, 8 and 15 (23,894 pairs) likewise; "
    "python -m pipelines.consensus.fit --data DIR (how the ranker's score is read, anew, on the validation "
    "and the judge's topics, which it has not learnt from); "
    "python -m pipelines.consensus.persona --data DIR; python -m pipelines.consensus.export. In "
    "the first runs fewer examples were claims with a text (ranker .54, judge .53 of all) and more of "
    "these were negated (.40).",
    "hardware": "one thread of a shared two-core AMD EPYC (bfloat16), no GPU; minutes of processor time",
    "files": {
        "ranker.safetensors": {},
        "judge.safetensors": {},
        "readings.json": {},
        "votes.safetensors": {},
    },
}


def write(card: dict[str, Any]) -> None:
    """The card, with hashes of those of its files that are there, and the figures of the card before it."""
    path = ASSETS / NAME / "card.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    files = {file: {} for file in card["files"] if (ASSETS / NAME / file).is_file()}
    write_card(NAME, card | {"files": files, "metrics": before.get("metrics", {})})


def first_table() -> Table:
    """The table of the first example: composed statements and own opinions, and what the language model
    writes if its weights are here."""
    group = next(example.group for example in EXAMPLES if example.name == FIRST)
    *_, table = load().deliberate(group, SEED)
    return table


def main() -> None:
    write(CARD)
    text = json.dumps(table_to_dict(first_table()), indent=1, ensure_ascii=False) + "\n"
    (ASSETS / NAME / "first.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
