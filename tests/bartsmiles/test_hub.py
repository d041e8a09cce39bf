"""The published layout, on a dummy folder of the same shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BartConfig, BartModel

from pipelines.bartsmiles.hub import fill_hub, fit_head, load_hub
from pipelines.bartsmiles.tasks import TASKS

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "C",
    "CC",
    "O",
    "c",
    "ccccc",
    "1",
    "(",
    ")",
    "=",
    "N",
    "<mask>",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """config.json, pytorch_model.bin, tokenizer.json, tokenizer_config.json, an empty special_tokens_map."""
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(PIECES)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    (tmp_path / "special_tokens_map.json").write_text("{}")
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(PIECES),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=128,
        architectures=["BartModel"],
    )
    torch.save(BartModel(config).state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(config.to_json_string(use_diff=False))
    return tmp_path


def test_special_tokens_are_set_by_hand(folder: Path) -> None:
    hub = load_hub(str(folder))
    ids = hub.encode(["CCO", "CCc1ccccc1"])
    assert ids[:, 0].tolist() == [0, 0]
    assert [row.tolist().count(2) for row in ids] == [1, 1]
    assert (ids[0] == 1).any()
    assert hub.mask_id == PIECES.index("<mask>")
    assert hub.encode(["C" * 500]).shape == (1, 128)


def test_embeddings_do_not_depend_on_padding(folder: Path) -> None:
    hub = load_hub(str(folder))
    together = hub.embed(["CCO", "CCc1ccccc1"])
    assert together.shape == (2, 16)
    assert np.allclose(together[0], hub.embed(["CCO"])[0], atol=1e-5)


def test_a_vocabulary_without_specials_is_refused(folder: Path) -> None:
    text = (folder / "tokenizer.json").read_text().replace('"</s>"', '"</x>"')
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(ValueError, match="</s>"):
        load_hub(str(folder))


def test_heads_are_fitted_on_frozen_embeddings() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 8))
    solubility, barrier = TASKS[0], TASKS[3]
    found = fit_head(solubility, X, 2 * X[:, 0] + 1).predict(X)
    assert np.corrcoef(found, X[:, 0])[0, 1] > 0.99
    assert fit_head(barrier, X, X[:, 1] > 0).score(X, X[:, 1] > 0) > 0.9


def test_a_mask_stands_between_pieces_that_start_no_word(folder: Path) -> None:
    hub = load_hub(str(folder))
    ids = {piece: i for i, piece in enumerate(PIECES)}
    row = hub.encode_masked("CC<mask>O")[0].tolist()
    assert row[0] == ids["<s>"] and row[-1] == ids["</s>"]
    assert row.count(hub.mask_id) == 1
    after = row[row.index(hub.mask_id) + 1 : -1]
    assert after == [ids["O"]]
    assert hub.encode_masked("<mask>O")[0].tolist()[1] == hub.mask_id


def test_the_published_layout_fills_a_gap(folder: Path) -> None:
    found = fill_hub(load_hub(str(folder)), "CC<mask>O", answers=3)
    assert found.masked == "CC<mask>O"
    assert 0 <= found.valid_share <= 1
    assert "▁" not in "".join(candidate.text for candidate in found.candidates)
