"""A chat language model that writes several texts to one prompt at once.

Embedded: SmolLM2-135M-Instruct (Apache-2.0) in 4 bits, and our adapter (LoRA) that was fine-tuned for
consensus statements. From the hub: any instruct model by its id. Both sample in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

from pipelines.runtime import in_background, load_once

if TYPE_CHECKING:
    import torch

ASSET = "backbones/language"
HUB_SUGGESTION = "Qwen/Qwen2.5-1.5B-Instruct"
HUB_REVISION = "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"
NUCLEUS = 0.95
"""Only the likeliest tokens that together reach this probability are drawn from."""
MOST_DRAWN = 128
"""At most so many tokens are in the nucleus."""
PHRASE = 4
"""No text says the same so many tokens in a row twice."""
REPORT_EVERY = 0.25
"""Seconds between two yields; a step adds at most about 0.15 s on two cores."""


class Message(TypedDict):
    """One turn of a chat; role is "system", "user" or "assistant"."""

    role: str
    content: str


class Writing(Protocol):
    """Texts being written: `logits` float32 [1 or b, vocabulary] of their next tokens."""

    logits: torch.Tensor

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these of the b texts only."""

    def step(self, tokens: torch.Tensor) -> None:
        """Add a token int64 [b] to each text and compute the next logits."""


class Model(Protocol):
    """What `LanguageModel` samples from."""

    ends: frozenset[int]

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a chat, up to where the answer begins."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of an answer's tokens."""

    def begin(self, prompt: Sequence[int], count: int, adapted: bool) -> Writing:
        """Read the prompt, once for all `count` texts."""


class LanguageModel:
    """Samples from a model; calls from several threads don't disturb each other."""

    def __init__(self, model: Model, *, adapter: bool) -> None:
        self.model = model
        self.adapter = adapter  # whether `adapted` makes a difference

    def write(
        self,
        messages: Sequence[Message],
        count: int,
        seed: int,
        *,
        adapted: bool = True,
        max_tokens: int = 90,
        temperature: float = 0.4,
    ) -> Iterator[list[str]]:
        """Write `count` answers to a chat; the same ones for the same seed.

        Yields the texts so far at least every half second, the last yield is final. Closing stops the work.
        `adapted`: with our adapter; without it the embedded model is the one its authors published.
        """
        import torch

        generator = torch.Generator().manual_seed(seed % 2**63)
        answers: list[list[int]] = [[] for _ in range(count)]
        prompt = self.model.encode(messages)
        writing = yield from in_background(
            lambda: self.model.begin(prompt, count, adapted), ["" for _ in answers]
        )
        rows, reported = list(range(count)), time.monotonic()
        for length in range(1, max_tokens + 1):
            logits = without_repetition(writing.logits.expand(len(rows), -1), [answers[row] for row in rows])
            luck = torch.rand(count, generator=generator)[
                rows
            ]  # each text has its own luck, whoever has ended
            tokens = draw(logits, luck.to(logits.device), temperature)
            going = [i for i, token in enumerate(tokens.tolist()) if token not in self.model.ends]
            for i in going:
                answers[rows[i]].append(int(tokens[i]))
            if not going or length == max_tokens:
                break
            if len(going) < len(rows):
                writing.keep(going)
                rows, tokens = [rows[i] for i in going], tokens[going]
            if time.monotonic() - reported > REPORT_EVERY:
                yield self._texts(answers)
                reported = time.monotonic()
            writing.step(tokens)
        yield self._texts(answers)

    def _texts(self, answers: list[list[int]]) -> list[str]:
        return [self.model.decode(tokens).strip() for tokens in answers]


def draw(logits: torch.Tensor, luck: torch.Tensor, temperature: float) -> torch.Tensor:
    """A token int64 [b] from each row of logits [b, vocabulary]'s nucleus; luck [b] in 0..1 decides which."""
    likeliest, tokens = logits.topk(min(MOST_DRAWN, logits.shape[1]))
    chance = (likeliest / temperature).softmax(-1)
    before = chance.cumsum(-1) - chance
    total = chance.masked_fill(before >= NUCLEUS, 0).cumsum(-1)
    choice = (total < luck.unsqueeze(1) * total[:, -1:]).sum(-1, keepdim=True)
    return tokens.gather(1, choice).squeeze(1)


def without_repetition(logits: torch.Tensor, answers: Sequence[Sequence[int]]) -> torch.Tensor:
    """Logits [b, vocabulary] that forbid each text to say a phrase of PHRASE tokens again."""
    logits = logits.clone()
    for row, tokens in enumerate(answers):
        start = tuple(tokens[-PHRASE + 1 :])
        places = range(len(tokens) - PHRASE + 1)
        banned = [tokens[i + PHRASE - 1] for i in places if tuple(tokens[i : i + PHRASE - 1]) == start]
        logits[row, banned] = -float("inf")
    return logits


@load_once
def load(source: str = "embedded") -> LanguageModel:
    """The embedded model, or one of the hub by its id (or a directory in the hub's layout).

    Raises FileNotFoundError or WeightsError if the embedded files are not all there, OSError if a hub model
    can't be had. A hub model has no adapter of ours.
    """
    if source == "embedded":
        from pipelines.backbones.language_embedded import EmbeddedModel

        return LanguageModel(EmbeddedModel.load(), adapter=True)
    from pipelines.backbones.language_hub import HubModel

    revision = HUB_REVISION if source == HUB_SUGGESTION else None
    return LanguageModel(HubModel.load(source, revision), adapter=False)
