"""Noise, packing and the resumable training."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.bartsmiles.corpus import LISTS, Sequences, build_vocabulary, encode_piece
from pipelines.bartsmiles.model import new_model, parameters, read_model, save_model
from pipelines.bartsmiles.noise import infill_noise
from pipelines.bartsmiles.pretrain import Corpus, Trainer, framed, held_out_loss, rate_factor
from pipelines.bartsmiles.tokenizer import BOS, EOS, MASK, PAD, load_tokenizer


def test_noise_takes_spans_out_and_keeps_the_rest_in_order() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 60, (500,), generator=generator)
    tokens = torch.arange(100, 160).repeat(500, 1)
    tokens[torch.arange(60) >= lengths[:, None]] = PAD
    noisy, noisy_lengths = infill_noise(tokens, lengths, generator)
    gone = 0
    for row, n, length in zip(noisy.tolist(), noisy_lengths.tolist(), lengths.tolist(), strict=True):
        kept = [token for token in row[:n] if token != MASK]
        assert kept == sorted(set(kept))
        assert set(kept) <= set(range(100, 100 + length))
        assert (MASK, MASK) not in set(itertools.pairwise(row[:n]))
        assert set(row[n:]) <= {PAD}
        gone += length - len(kept)
    assert gone / int(lengths.sum()) == pytest.approx(0.30, abs=0.01)


def test_a_corpus_row_comes_back_as_it_was_packed() -> None:
    rows = [[5, 6, 7], [8], [9, 10]]
    corpus = Corpus(dict.fromkeys(LISTS, Sequences.of(rows)), "cpu")
    tokens, lengths = corpus.batch("moses", torch.tensor([2, 0]))
    assert tokens.tolist() == [[9, 10, PAD], [5, 6, 7]]
    assert lengths.tolist() == [2, 3]
    assert framed(tokens, lengths).tolist() == [[BOS, 9, 10, EOS, PAD], [BOS, 5, 6, 7, EOS]]


def test_the_evaluated_molecules_are_left_out_whatever_their_stereo() -> None:
    tokenizer = load_tokenizer()
    piece = ["C[C@H](O)F", "CC(N)F", "C1CC", "*C"]
    found = encode_piece(piece, 0, frozenset({"CC(O)F"}), tokenizer)
    assert len(found) == 1
    assert sorted(tokenizer.decode(found[0][1]).replace("(", "").replace(")", "")) == sorted("CCNF")


def test_vocabulary_has_the_frequent_tokens(tmp_path: Path) -> None:
    (tmp_path / "moses").mkdir()
    for files in LISTS.values():
        for file in files:
            (tmp_path / file).write_bytes(gzip.compress(b"SMILES\n" + b"C[P@H]F\n" * 20 + b"[Xe]\n"))
    tokens = build_vocabulary(tmp_path).tokens
    assert {"C", "F", "[P@H]", "[P@@H]", "1"} <= set(tokens)
    assert "[Xe]" not in tokens or tokens.count("[Xe]") == 1


def toy_corpus() -> Corpus:
    rows = [[5, 6, 7, 8, 9, 10, 11, 12]] * 2600
    return Corpus(dict.fromkeys(LISTS, Sequences.of(rows)), "cpu")


def test_training_learns_stops_in_time_and_goes_on(tmp_path: Path) -> None:
    corpus = toy_corpus()
    torch.manual_seed(0)
    trainer = Trainer(new_model(16, width=32, layers=1, dropout=0.0), corpus)
    before = held_out_loss(trainer.model, corpus, 32)["moses"]
    trainer.train(3.0, 0.5, 256, lambda loss, speed: None, seed=0)
    trainer.save(tmp_path)
    assert trainer.counters.share == 0.5
    assert held_out_loss(trainer.model, corpus, 32)["moses"] < before
    again = Trainer(new_model(16, width=32, layers=1, dropout=0.0), corpus)
    again.resume(tmp_path / "state.pt")
    assert again.counters == trainer.counters
    again.train(0.5, 1.0, 256, lambda loss, speed: None, seed=0)
    assert again.counters.share == 1.0
    assert again.counters.steps > trainer.counters.steps


def test_rate_rises_shortly_and_runs_out() -> None:
    rates = [rate_factor(share) for share in np.linspace(0, 1, 101)]
    assert rates[0] == 0
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0)
    assert np.argmax(rates) == 3


def test_weights_come_back_in_half_precision(tmp_path: Path) -> None:
    model = new_model(20, width=32, layers=2).eval()
    save_model(model, tmp_path / "trunk.safetensors")
    ids = torch.tensor([[BOS, 7, 8, EOS]])
    again = read_model(tmp_path / "trunk.safetensors")
    assert torch.allclose(model(ids).logits, again(ids).logits, atol=1e-2)
    assert again.lm_head.weight is again.model.shared.weight


def test_the_real_model_has_the_planned_size() -> None:
    assert parameters(new_model(len(load_tokenizer()))) == pytest.approx(7.5e6, rel=0.03)
