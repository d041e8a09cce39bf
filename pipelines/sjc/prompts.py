"""What a prompt may be, and which known prompt is nearest to one that the small model hasn't learnt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipelines.backbones.sentences import SentenceEncoder
from pipelines.backbones.vocabulary import EXAMPLE_COLOUR
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
        self,
        prompts: Sequence[str],
        encoder: SentenceEncoder,
        colours: Collection[str] = (),
        synonyms: Mapping[str, str] | None = None,
    ) -> None:
        """`colours`: words that don't count, since what is known in one colour is known in all; `synonyms`:
        further wordings that were taught, each with the one of `prompts` that means the same."""
        meanings = {prompt: prompt for prompt in prompts} | dict(synonyms or {})
        self._encoder, self._colours = encoder, frozenset(colours)
        self._meant = tuple(meanings.values())
        self._known = encoder.encode([self._uncoloured(wording) for wording in meanings]).pooled

    def nearest(self, prompt: str) -> Nearest:
        """The known prompt nearest to a checked one, in its colour where it comes in every colour."""
        similarity = (self._known @ self._encoder.encode([self._uncoloured(prompt)]).pooled[0]).tolist()
        best = max(range(len(similarity)), key=similarity.__getitem__)
        return Nearest(self._recoloured(self._meant[best], prompt), similarity[best])

    def _uncoloured(self, prompt: str) -> str:
        """Without colours, articles ("an orange chair" would leave "an chair") and punctuation; itself if
        nothing else is there."""
        return " ".join(word for word in _words(prompt) if word not in self._colours | ARTICLES) or prompt

    def _recoloured(self, known: str, prompt: str) -> str:
        """`known`, an example in one colour, in the first colour that the prompt names."""
        asked = next((word for word in _words(prompt) if word in self._colours), None)
        example = f"a {EXAMPLE_COLOUR} "
        if asked is None or not known.startswith(example):
            return known
        return f"{'an' if asked[0] in 'aeiou' else 'a'} {asked} {known.removeprefix(example)}"


def _words(prompt: str) -> list[str]:
    """Lower-case words without punctuation; a hyphen joins."""
    return re.findall(r"\w[\w'’-]*", prompt.lower())


def note_on(prompt: str, known: KnownPrompts) -> str:
    """A plain sentence if the prompt is far from everything known, else ""."""
    nearest = known.nearest(prompt)
    if nearest.familiar:
        return ""
    return (
        f"The model hasn't learnt anything quite like “{prompt}”. The nearest it knows is “{nearest.prompt}”."
    )
