"""What the tab does with files and words, without a browser."""

from __future__ import annotations

import gradio as gr
import pytest

from tabs import spade as tab
from tabs import spade_views as views
from tabs.shell import new_file


def test_an_upload_replaces_the_example_and_an_older_table() -> None:
    assert tab.keep_new(["pump.csv", "mine.csv"], 0) == (["mine.csv"], None, "")
    assert tab.keep_new(["mine.csv", "newer.csv"], None)[0] == ["newer.csv"]
    assert tab.keep_new(["pump.csv", "a.png", "b.png"], 0)[0] == ["a.png", "b.png"]
    assert tab.keep_new(["a.png", "b.png", "labels.csv"], None)[0] == ["a.png", "b.png", "labels.csv"]


def test_the_headline_says_why_so_many_are_flagged() -> None:
    from pipelines.spade import first

    summary = first()
    assert summary.share_why in views.headline(summary, summary.share)
    assert summary.share_why not in views.headline(summary, 0.2)


def test_a_wiped_seed_is_asked_for() -> None:
    with pytest.raises(gr.Error, match="seed"):
        list(tab.run(["x.csv"], seed=None))


def test_files_to_take_home_lie_alone() -> None:
    one, two = new_file("a.csv"), new_file("a.csv")
    assert one.parent != two.parent and one.name == "a.csv"
