"""Attributions, masks and neighbours on a tiny random model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.bartsmiles import EXAMPLES
from pipelines.bartsmiles.attribution import attribute, attribute_string, deletion_curve, last_attribution
from pipelines.bartsmiles.check import read_molecule
from pipelines.bartsmiles.faithfulness import benzene_auc, crippen_agreement
from pipelines.bartsmiles.heads import (
    HEADS,
    PropertyModel,
    collate,
    read_finetuned,
    save_finetuned,
    shifted,
    trunk_weights,
)
from pipelines.bartsmiles.infill import SIGN, Way, check_masked, collected, infill, mask_atoms
from pipelines.bartsmiles.model import new_model
from pipelines.bartsmiles.molecules import fingerprint
from pipelines.bartsmiles.nearest import Library, build
from pipelines.bartsmiles.predictor import Predictor, molecule_for
from pipelines.bartsmiles.tokenizer import load_tokenizer
from pipelines.errors import InputError
from pipelines.runtime import Progress

ASPIRIN = read_molecule(EXAMPLES["Aspirin"])


def test_integrated_gradients_are_complete(tiny: Predictor) -> None:
    for head in HEADS:
        found = attribute_string(tiny.properties, ASPIRIN.smiles, head, "integrated gradients")
        assert found.completeness_error < 0.02
        assert found.values.sum() == pytest.approx(found.atoms.sum() + found.syntax)
        assert len(found.values) == len(ASPIRIN.tokens)


def test_occlusion_is_what_masking_a_token_does(tiny: Predictor) -> None:
    found = attribute_string(tiny.properties, "CCO", "bbbp", "occlusion")
    tokenizer, place = load_tokenizer(), HEADS.index("bbbp")
    with torch.no_grad():
        for i, text in enumerate(("<mask>CO", "C<mask>O", "CC<mask>")):
            output = tiny.properties.raw(tiny.properties(collate([tokenizer.encode(text)])))[0, place]
            assert found.values[i] == pytest.approx(found.output - output.item(), abs=1e-5)


def test_average_over_strings_has_a_spread_and_repeats(tiny: Predictor) -> None:
    *reports, found = attribute(tiny.properties, ASPIRIN, "esol", "gradient x input", strings=4, seed=1)
    assert all(isinstance(report, Progress) for report in reports)
    assert sorted({report.step for report in reports} - {0}) == [1, 2, 3]
    assert found.atoms.shape == found.spread.shape == (13,)
    assert (found.spread > 0).any()
    again = last_attribution(tiny.properties, ASPIRIN, "esol", "gradient x input", strings=4, seed=1)
    assert np.array_equal(found.atoms, again.atoms)
    alone = last_attribution(tiny.properties, ASPIRIN, "esol", "gradient x input")
    assert not alone.spread.any()


def test_symmetric_atoms_agree_better_when_strings_are_averaged(tiny: Predictor) -> None:
    """Neopentane's methyl groups are the same to chemistry, and not to one string."""
    molecule = read_molecule("CC(C)(C)C")
    methyls = [0, 2, 3, 4]
    one = last_attribution(tiny.properties, molecule, "esol", "occlusion").atoms[methyls]
    many = last_attribution(tiny.properties, molecule, "esol", "occlusion", strings=40).atoms[methyls]
    assert np.ptp(many) < np.ptp(one)


def test_random_weights_give_another_map() -> None:
    maps = []
    for seed in (8, 9):
        torch.manual_seed(seed)
        model = PropertyModel(new_model(len(load_tokenizer()), width=32, layers=1).model).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(4)  # far from linear, as trained weights are
        maps.append(last_attribution(model, ASPIRIN, "esol", "occlusion").atoms)
    assert abs(np.corrcoef(*maps)[0, 1]) < 0.9


def test_deletion_starts_and_ends_alike_for_every_order(tiny: Predictor) -> None:
    found = last_attribution(tiny.properties, ASPIRIN, "esol", "occlusion")
    curve = deletion_curve(tiny.properties, ASPIRIN, "esol", found.atoms, orders=3)
    assert len(curve.ranked) == len(curve.random) == 14
    assert curve.masked.tolist() == list(range(14))
    assert (
        curve.ranked[0]
        == pytest.approx(curve.random[0], abs=1e-5)
        == pytest.approx(found.canonical.output, abs=1e-4)
    )
    assert curve.ranked[-1] == pytest.approx(curve.random[-1], abs=1e-5)


def test_agreement_with_known_truths_is_measured(tiny: Predictor) -> None:
    molecules = [ASPIRIN, read_molecule("Cc1ccccc1"), read_molecule("CCO")]
    found = crippen_agreement(tiny.properties, molecules, "gradient x input")
    assert -1 <= found["pearson"] <= 1
    assert 0 <= benzene_auc(tiny.properties, molecules, "gradient x input") <= 1


def test_clintox_is_explained_on_the_neutral_molecule() -> None:
    molecule = read_molecule("CC(=O)[O-]")
    assert molecule_for("clintox", molecule).smiles == "CC(=O)O"
    assert molecule_for("clintox_as_written", molecule).smiles == "CC(=O)[O-]"
    assert molecule_for("clintox", ASPIRIN) is ASPIRIN


def test_predictions_do_not_depend_on_company(tiny: Predictor) -> None:
    charged = read_molecule("CC(=O)[O-]")
    together = tiny.predict_many([ASPIRIN, charged, read_molecule("CCO")])
    for molecule, found in zip((ASPIRIN, charged), together, strict=False):
        alone = tiny.predict(molecule)
        assert alone.values == pytest.approx(found.values, abs=1e-4)
        assert np.allclose(alone.embedding, found.embedding, atol=1e-4)
    assert together[1].neutral == "CC(=O)O"
    assert together[1].values["clintox"] == pytest.approx(
        tiny.predict(read_molecule("CC(=O)O")).values["clintox"], abs=1e-4
    )
    assert 0 < together[0].values["bbbp"] < 1


def test_fine_tuned_weights_are_a_small_change_of_the_trunk(tiny: Predictor, tmp_path) -> None:
    trunk = new_model(len(load_tokenizer()), width=32, layers=1).model.eval()
    model = PropertyModel(new_model(len(load_tokenizer()), width=32, layers=1).model).eval()
    model.trunk.load_state_dict(trunk.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape))
    save_finetuned(model, trunk_weights(trunk), tmp_path / "finetuned.safetensors")
    again = read_finetuned(trunk, tmp_path / "finetuned.safetensors")
    ids = collate([load_tokenizer().encode("CCO")])
    assert torch.allclose(model(ids), again(ids), atol=0.02)


def test_masked_neighbours_share_a_mask() -> None:
    assert mask_atoms(ASPIRIN, [0]) == f"{SIGN}C(=O)Oc1ccccc1C(=O)O"
    assert mask_atoms(read_molecule("CCCO"), [1, 2]) == f"C{SIGN}O"
    for atoms in ([], list(range(13))):
        with pytest.raises(InputError):
            mask_atoms(ASPIRIN, atoms)


@pytest.mark.parametrize("text", ["CCO", SIGN, f"{SIGN}{SIGN}", f"Cx{SIGN}", "C" * 200 + SIGN, "C" * 600])
def test_what_cannot_be_filled_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_masked(text)


@pytest.mark.parametrize("way", ["checked", "held", "free"])
def test_infilling_answers_with_molecules_only(tiny: Predictor, way: Way) -> None:
    found = infill(tiny.trunk, check_masked(f"CC{SIGN}O"), 3, way)
    assert 0 <= found.valid_share <= 1
    assert all(read_molecule(candidate.smiles) for candidate in found.candidates)
    assert len({candidate.smiles for candidate in found.candidates}) == len(found.candidates)
    scores = [candidate.score for candidate in found.candidates]
    assert scores == sorted(scores, reverse=True)
    if way == "checked":
        assert len(found.candidates) == 3 and found.valid_share == 1


def test_a_score_is_the_log_probability_of_the_whole_string(tiny: Predictor) -> None:
    masked = f"CC{SIGN}O"
    best = infill(tiny.trunk, masked).candidates[0]
    ids, read = (collate([load_tokenizer().encode(text)]) for text in (best.text, masked))
    logits = tiny.trunk(input_ids=read, decoder_input_ids=shifted(ids)).logits
    told = logits.log_softmax(-1).gather(2, ids[:, :, None]).sum().item()
    assert best.score == pytest.approx(told, abs=1e-4)


def test_what_the_model_wrote_is_known() -> None:
    found = collected(f"C{SIGN}C(=O){SIGN}", [("CClC(=O)", -1.0), ("CC(O)C(=O)N", -2.0), ("OCC", -3.0)], 6)
    assert [one.written for one in found.candidates] == [(1, 2, 5), None]
    assert found.valid_share == pytest.approx(2 / 3)


def test_a_molecule_is_its_own_nearest_neighbour(tiny: Predictor) -> None:
    named = [(f"NSC {i}", smiles) for i, smiles in enumerate(EXAMPLES.values())]
    named = [(name, read_molecule(smiles).smiles) for name, smiles in named]
    arrays = build(tiny.properties, named, batch=4)
    embeddings = arrays["embeddings"].astype(np.float32)
    prints = np.stack([fingerprint(read_molecule(smiles).mol) for _, smiles in named])
    library = Library(
        tuple(name for name, _ in named),
        tuple(smiles for _, smiles in named),
        embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        prints,
        arrays["values"],
        prints[:3],
    )
    caffeine = read_molecule(EXAMPLES["Caffeine"])
    found = library.nearest(tiny.predict(caffeine).embedding, fingerprint(caffeine.mol), 3)
    assert found[0].name == "NSC 1"
    assert found[0].tanimoto == 1
    assert found[0].values[0] == pytest.approx(tiny.predict(caffeine).values["esol"], abs=0.02)
    assert library.familiarity(fingerprint(caffeine.mol)) == 1
    assert library.familiarity(fingerprint(read_molecule("FC(F)(F)F").mol)) < 0.3
