"""The language model's prompt: a question, opinions, and in the critique round a draft and critiques of it.

The fine-tuning used these very words, and the prompted baseline gets them too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.backbones.language import Message
    from pipelines.consensus.groups import Group

ROLE = "You write statements that a whole group of people can agree with."
TASK = (
    "Write two or three sentences that all could accept: "
    "what matters to each side, and a concrete way forward."
)
REVISION = (
    "Rewrite the draft in two or three sentences so that it answers the critiques and all could accept it."
)
LONGEST_QUESTION = 300
"""Characters of the question that are read."""
ROOM = 2400
"""Characters of the prompt for all opinions together, and likewise for all critiques."""
LONGEST = 600
"""Characters of one opinion or critique that are read."""


def messages(group: Group, seed: int, draft: str = "", critiques: Sequence[str] = ()) -> list[Message]:
    """The chat for a group. The seed shuffles the opinions, so that nobody is always first.

    With a `draft` statement and people's `critiques` of it, the model is asked for a revised one.
    """
    opinions = [opinion.text for opinion in group.opinions]
    random.Random(seed).shuffle(opinions)
    parts = [f"Question: {shortened(group.question, LONGEST_QUESTION)}", "Opinions:\n" + listed(opinions)]
    if draft:
        parts += [f"Draft: {shortened(draft, LONGEST)}", "Critiques:\n" + listed(critiques), REVISION]
    else:
        parts.append(TASK)
    return [{"role": "system", "content": ROLE}, {"role": "user", "content": "\n\n".join(parts)}]


def listed(texts: Sequence[str]) -> str:
    """One line for each text; long ones are shortened so that all have room."""
    room = min(LONGEST, ROOM // max(1, len(texts)))
    return "\n".join(f"- {shortened(text, room)}" for text in texts)


def shortened(text: str, length: int) -> str:
    """The text on one line, of at most `length` characters, ended between words."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0][: length - 1].rstrip(",;:") + "…"


def statement(answer: str) -> str:
    """What the model wrote, as a statement: on one line, without quotes or a last, unfinished sentence."""
    text = " ".join(answer.split()).strip('"“” ')
    ends = list(re.finditer(r"[.!?](?=\s|$)", text))
    return text[: ends[-1].end()] if ends else text
