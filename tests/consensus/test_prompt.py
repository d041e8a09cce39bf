"""The language model's prompt."""

from __future__ import annotations

from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.prompt import LONGEST_QUESTION, ROOM, messages, shortened, statement

GROUP = Group("Should we plant trees?", (Opinion("Ana", "Yes, shade."), Opinion("Bo", "No, leaves\n fall.")))


def test_opinions_are_shuffled_by_the_seed_and_names_left_out():
    texts = {messages(GROUP, seed)[1]["content"] for seed in range(8)}
    assert len(texts) == 2
    for text in texts:
        assert "Should we plant trees?" in text
        assert "- No, leaves fall.\n" in text
        assert "Ana" not in text


def test_draft_and_critiques_are_in_the_prompt():
    text = messages(GROUP, 0, "Plant two.", ["Two are too few."])[1]["content"]
    assert "Draft: Plant two." in text
    assert "- Two are too few." in text


def test_twelve_long_opinions_all_have_room():
    group = Group("q" * 1000 + "?", tuple(Opinion(f"P{i}", f"start{i} " + "word " * 2000) for i in range(12)))
    text = messages(group, 3)[1]["content"]
    assert all(f"start{i} " in text for i in range(12))
    assert len(text) < LONGEST_QUESTION + ROOM + 400


def test_shortened_ends_between_words():
    assert shortened("one, two three", 9) == "one, two…"
    assert shortened("  one \n two ", 9) == "one two"


def test_statement_is_trimmed():
    assert statement(' "We agree. We\nplant two." ') == "We agree. We plant two."
    assert statement("We plant 2.5 trees. And then we") == "We plant 2.5 trees."
    assert statement("no end at all") == "no end at all"
