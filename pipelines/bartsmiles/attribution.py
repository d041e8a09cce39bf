"""Which atoms a prediction comes from.

Integrated Gradients (Sundararajan et al. 2017) over what the encoder and the decoder read, from a blank
string to the molecule; occlusion, which masks one atom at a time; gradient x input, the fast and crude
one. All can be averaged over several SMILES strings of the same molecule: their spread says how stable an
explanation is. Values are in raw units of a property, or in logits of a class.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import Tensor

from pipelines.bartsmiles.alignment import atom_shares
from pipelines.bartsmiles.check import Molecule
from pipelines.bartsmiles.heads import HEADS, PropertyModel, collate, shifted
from pipelines.bartsmiles.molecules import shuffled
from pipelines.bartsmiles.tokenizer import BOS, EOS, MASK, PAD, ROOM, load_tokenizer, split
from pipelines.runtime import Progress, in_background, use_threads

Method = Literal["integrated gradients", "occlusion", "gradient x input"]
STEPS = 32
"""Points of the quadrature of Integrated Gradients."""
SMALLEST_CHANGE = 0.05
"""The completeness error is stated relative to the change of the output, but at least to this."""


@dataclass(frozen=True, eq=False)
class TokenAttribution:
    """The attribution of one string."""

    tokens: tuple[str, ...]
    values: np.ndarray
    """float [tokens]"""
    output: float
    """The head's output for the string."""
    baseline: float
    """Its output for the blank string."""

    @property
    def completeness_error(self) -> float:
        """|Σ values - (output - baseline)| relative to |output - baseline|."""
        change = self.output - self.baseline
        return abs(self.values.sum() - change) / max(abs(change), SMALLEST_CHANGE)

    @property
    def atoms(self) -> np.ndarray:
        """float [atoms]"""
        return self.values @ atom_shares(self.tokens)

    @property
    def syntax(self) -> float:
        """What brackets, dots and other signs carry, which no atom can be given."""
        return float(self.values.sum() - self.atoms.sum())


@dataclass(frozen=True, eq=False)
class Attribution:
    """The attribution of a molecule, averaged over its strings."""

    head: str
    method: Method
    atoms: np.ndarray
    """Mean per atom of the canonical string, float [atoms]."""
    spread: np.ndarray
    """Standard deviation over the strings, float [atoms]; 0 for one string."""
    syntax: float
    canonical: TokenAttribution
    """The attribution of the canonical string, token by token."""
    outputs: np.ndarray
    """The head's output for each string, float [strings]."""
    completeness_errors: np.ndarray
    """float [strings]; means nothing for other methods than Integrated Gradients."""


def _head_function(model: PropertyModel, head: str, real: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The raw output of a head as a function of what encoder and decoder read, float [n]."""
    place = HEADS.index(head)

    def function(encoder: Tensor, decoder: Tensor) -> Tensor:
        states = model.states_of(encoder, decoder, real.expand(len(encoder), -1))
        return model.raw(model.read_out(states.last))[:, place]

    return function


def _blank(ids: Tensor, embedded: Tensor) -> Tensor:
    """The baseline: embeddings of ids with 0 for every token but <s> and </s>.

    On molecules like those of training such maps of the Crippen head agree better with Crippen's own parts
    than those that start from a string of <mask>.
    """
    return embedded * ((ids == BOS) | (ids == EOS))[:, :, None]


def attribute_string(model: PropertyModel, smiles: str, head: str, method: Method) -> TokenAttribution:
    """Attribute a head's output to the tokens of one string of at most ROOM tokens."""
    use_threads(1)
    ids = collate([load_tokenizer().encode(smiles)])
    function = _head_function(model, head, ids != PAD)
    with torch.no_grad():
        inputs = (model.embed(ids), model.embed(shifted(ids)))
        baselines = (_blank(ids, inputs[0]), _blank(shifted(ids), inputs[1]))
        output, baseline = function(*inputs).item(), function(*baselines).item()
    if method == "occlusion":
        values = _occlusion(model, ids, function, output)
    else:
        inputs = tuple(part.requires_grad_() for part in inputs)
        if method == "integrated gradients":
            parts = IntegratedGradients(function, multiply_by_inputs=True).attribute(
                inputs, baselines=baselines, n_steps=STEPS
            )
        else:
            parts = InputXGradient(function).attribute(inputs)
        encoder, decoder = (part.detach().sum(-1)[0] for part in parts)
        # The decoder reads every token one place later.
        values = (encoder[1:-1] + decoder[2:]).numpy().astype(float)
    return TokenAttribution(tuple(split(smiles)), values, output, baseline)


@torch.no_grad()
def _occlusion(
    model: PropertyModel, ids: Tensor, function: Callable[[Tensor, Tensor], Tensor], output: float
) -> np.ndarray:
    """How far the output falls when each token is masked, in encoder and decoder: float [tokens]."""
    n = ids.shape[1] - 2
    copies = ids.repeat(n, 1)
    copies[torch.arange(n), torch.arange(n) + 1] = MASK
    outputs = [function(model.embed(part), model.embed(shifted(part))) for part in copies.split(64)]
    return output - torch.cat(outputs).numpy().astype(float)


def attribute(
    model: PropertyModel, molecule: Molecule, head: str, method: Method, strings: int = 1, seed: int = 0
) -> Iterator[Progress | Attribution]:
    """Attribute a head's output to atoms, over the canonical string and `strings` - 1 random ones.

    Yields Progress after every string and while a long one lasts, its preview the Attribution so far (None
    before the first), and finally the Attribution. A random string too long for the model is left out.
    """
    smiles, order = molecule.smiles, list(range(molecule.mol.GetNumAtoms()))
    found, atoms, report = [], [], Progress(0, strings, "Explaining")
    for i in range(strings):
        if i:
            report = Progress(i, strings, "Written in other ways", _average(head, method, found, atoms))
            yield report
            smiles, order = shuffled(molecule.mol, seed * 1000 + i)
            if len(split(smiles)) > ROOM:
                continue
        string = functools.partial(attribute_string, model, smiles, head, method)
        found.append((yield from in_background(string, report, lasting=True)))
        atoms.append(np.zeros(len(order)))
        atoms[-1][order] = found[-1].atoms
    yield _average(head, method, found, atoms)


def _average(
    head: str, method: Method, found: list[TokenAttribution], atoms: list[np.ndarray]
) -> Attribution:
    """The attribution of a molecule from those of its strings, the canonical one first."""
    return Attribution(
        head,
        method,
        np.mean(atoms, axis=0),
        np.std(atoms, axis=0),
        float(np.mean([each.syntax for each in found])),
        found[0],
        np.array([each.output for each in found]),
        np.array([each.completeness_error for each in found]),
    )


def last_attribution(*arguments: object, **named: object) -> Attribution:
    """`attribute` without its progress."""
    *_, result = attribute(*arguments, **named)
    return result


ORDERS = 12
"""Random orders that a deletion curve is compared with."""
POINTS = 20
"""Most points of a deletion curve."""


@dataclass(frozen=True, eq=False)
class Deletion:
    """The output while atoms are masked one after the other, float [points]."""

    masked: np.ndarray
    """How many atoms are masked at each point: 0 first, all at last."""
    ranked: np.ndarray
    """Those with the largest part in the output first."""
    random: np.ndarray
    """Mean over random orders."""
    random_spread: np.ndarray

    @property
    def better(self) -> bool:
        """Whether the output moves away faster than in random order."""
        toward = np.sign(self.ranked[-1] - self.ranked[0]) or 1.0
        return float(toward * (self.ranked - self.random).sum()) > 0


def deletion_curve(
    model: PropertyModel,
    molecule: Molecule,
    head: str,
    atoms: np.ndarray,
    orders: int = ORDERS,
    seed: int = 0,
) -> Deletion:
    """Mask atoms in the order of their attribution, float [atoms], and in random orders.

    The order starts with the atoms that push the output the way the whole molecule pushes it.
    """
    ids = collate([load_tokenizer().encode(molecule.smiles)])
    function = _head_function(model, head, ids != PAD)
    places, n = np.array(molecule.atom_tokens) + 1, len(atoms)
    masked = np.unique(np.linspace(0, n, min(n + 1, POINTS)).round().astype(int))

    @torch.no_grad()
    def outputs(way: np.ndarray, counts: np.ndarray) -> np.ndarray:
        steps = ids.repeat(len(counts), 1)
        for step, count in zip(steps, counts, strict=True):
            step[places[way[:count]]] = MASK
        return function(model.embed(steps), model.embed(shifted(steps))).numpy()

    generator = np.random.default_rng(seed)
    whole, none = outputs(np.arange(n), np.array([0, n]))
    ranked = np.argsort(-(np.sign(whole - none) or 1.0) * atoms, kind="stable")
    random = [outputs(generator.permutation(n), masked) for _ in range(orders)]
    return Deletion(masked, outputs(ranked, masked), np.mean(random, axis=0), np.std(random, axis=0))
