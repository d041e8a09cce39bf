"""Which text-to-image model a visitor gets."""

from __future__ import annotations

import pytest

from pipelines.errors import InputError
from pipelines.sjc import denoisers


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="no such model"):
        denoisers.load_denoiser("imagen")


def test_without_a_gpu_stable_diffusion_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr("pipelines.weights.device", lambda: "cpu")
    with pytest.raises(InputError) as caught:
        denoisers.load_denoiser("hub")
    assert "GPU" in caught.value.message
    assert "embedded" in caught.value.hint


def test_embedded_stays_embedded_where_the_hub_is_preferred(monkeypatch):
    monkeypatch.setenv("NINE_PAPERS_MODELS", "hub")
    monkeypatch.setattr("pipelines.weights.device", lambda: "cuda")
    monkeypatch.setattr(denoisers, "embedded_denoiser", lambda: "the small one")
    assert denoisers.load_denoiser("embedded") == "the small one"


def test_a_failed_download_names_the_embedded_model(monkeypatch):
    def offline():
        raise OSError("no route")

    monkeypatch.setattr("pipelines.weights.device", lambda: "cuda")
    monkeypatch.setattr("pipelines.backbones.diffusion_hub.load", offline)
    with pytest.raises(InputError, match="could not be downloaded") as caught:
        denoisers.load_denoiser("hub")
    assert "embedded" in caught.value.hint


def test_the_embedded_model_is_the_default():
    denoiser = denoisers.load_denoiser()
    assert denoiser.image_size == 32
    assert denoiser is denoisers.load_denoiser("embedded")


def test_what_was_taught_is_familiar_and_other_things_are_not():
    known = denoisers.known_prompts()
    for prompt in (
        "a red sofa",
        "a zebra",
        "a green couch",
        "a purple rocket",
        "a blue car",
        "an orange mug",
        "teal vase",
        "Blue House",
        "a white sofa",
        "automobile",
        "a kitten",
        "a dog",
        "A RED CAR!!!",
        "a small green tree",
        "a purple cow",
    ):
        assert known.nearest(prompt).familiar, prompt
    for prompt in (
        "a saxophone",
        "quarterly earnings",
        "the Eiffel tower at night",
        "a green saxophone",
        "purple",
        "a red",
        "a blue guitar",
        "a pink elephant",
        "Elefant",
    ):
        assert not known.nearest(prompt).familiar, prompt
