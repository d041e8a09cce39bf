"""What a prompt may be, and which known prompt is nearest to one that the small model hasn't learnt."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipelines.backbones.sentences import SentenceEncoder
from pipelines.errors import InputError

MAX_CHARACTERS = 300
FAMILIAR = 0.72  # cosine similarity from which a prompt counts as known
FIELD = "Prompt"
ARTICLES = {"a", "an", "the"}


def checked(prompt: str) -> str:
    """The prompt with plain spaces. Raises InputError if it is no text, empty, too long, or not in Latin
    letters."""
    if not isinstance(prompt, str):
        raise InputError("The prompt is not a text.", "Name one object, for example “a red sofa”.", FIELD)
    plain = " ".join(unicodedata.normalize("NFKC", prompt).split())
    if not any(character.isalpha() for character in plain):
        raise InputError("The prompt has no words.", "Name one object, for example “a red sofa”.", FIELD)
    if len(plain) > MAX_CHARACTERS:
        raise InputError(
            f"The prompt has {len(plain)} characters; the limit is {MAX_CHARACTERS}.",
            "Name one object in a few words, for example “a red sofa”.",
            FIELD,
        )
    foreign = [c for c in plain if c.isalpha() and not unicodedata.name(c, "").startswith("LATIN")]
    if foreign:
        raise InputError(
            f"The prompt has letters that the model can't read: {''.join(dict.fromkeys(foreign))[:20]}",
            "Write the prompt in English, for example “a red sofa”.",
            FIELD,
        )
    return plain


@dataclass(frozen=True)
class Nearest:
    """Of the known prompts, the one nearest in meaning, and the cosine similarity of the two."""

    prompt: str
    similarity: float

    @property
    def familiar(self) -> bool:
        """Whether the two mean about the same."""
        return self.similarity >= FAMILIAR


class KnownPrompts:
    """What a model was taught, for the question how far a prompt is from it."""

    def __init__(
        self, prompts: Sequence[str], encoder: SentenceEncoder, colours: Collection[str] = ()
    ) -> None:
        """`colours`: words that don't count, since what is known in one colour is known in all."""
        self.prompts = tuple(prompts)
        self._encoder, self._colours = encoder, frozenset(colours)
        self._known = encoder.encode([self._uncoloured(prompt) for prompt in self.prompts]).pooled

    def nearest(self, prompt: str) -> Nearest:
        """The known prompt nearest to a checked one."""
        similarity = (self._known @ self._encoder.encode([self._uncoloured(prompt)]).pooled[0]).tolist()
        best = max(range(len(similarity)), key=similarity.__getitem__)
        return Nearest(self.prompts[best], similarity[best])

    def _uncoloured(self, prompt: str) -> str:
        """Without colours and articles ("an orange chair" would leave "an chair"); itself if nothing else is
        there."""
        words = [word for word in prompt.split() if word.lower().strip(",.!") not in self._colours | ARTICLES]
        return " ".join(words) or prompt


def note_on(prompt: str, known: KnownPrompts) -> str:
    """A plain sentence if the prompt is far from everything known, else ""."""
    nearest = known.nearest(prompt)
    if nearest.familiar:
        return ""
    return (
        f"The model hasn't learnt anything quite like “{prompt}”. The nearest it knows is “{nearest.prompt}”."
    )
