"""A visitor's own Polis export: read, refused, mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.consensus.polis import read_votes
from pipelines.errors import InputError
from tabs.consensus_panels import show_votes

HEAD = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1,2,3"


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Two camps of ten; statement 3 is the one that both agree with, 2 was never shown."""
    rng = np.random.default_rng(0)
    rows = [HEAD]
    for person in range(20):
        camp = 1 if person < 10 else -1
        votes = [camp, -camp if rng.random() < 0.9 else 0, "", 1 if rng.random() < 0.95 else ""]
        rows.append(f"{person},,0,3,1,1,{','.join(map(str, votes))}")
    path = tmp_path / "participants-votes.csv"
    path.write_text("\n".join([*rows, "99,,0,0,0,0,,,,"]), encoding="utf-8")
    return path


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    path = tmp_path / "comments.csv"
    path.write_text('comment-id,moderated,comment-body\n3,1,"Trams, <b>please</b>."\n0,1,Ban cars.\n')
    return path


def test_votes_and_texts_are_read_in_any_order(matrix: Path, comments: Path):
    for paths in ([matrix, comments], [comments, matrix]):
        conversation = read_votes(paths)
        assert conversation.votes.shape == (20, 3)
        assert conversation.texts == ("Ban cars.", "Statement 1", "Trams, please .")
        assert set(np.unique(conversation.votes[~np.isnan(conversation.votes)])) <= {-1, 0, 1}


def test_camps_become_groups_and_what_they_share_comes_first(matrix: Path, comments: Path):
    figure, text = show_votes([str(matrix), str(comments)])
    assert len(figure.data) >= 2
    assert text.index("Trams") < text.index("Ban cars")
    assert "<b>please" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows"),
        (f"{HEAD}\n", "no rows"),
        (f"{HEAD}\n1,,0,0,0,0,1,1,1,1\n", "too few"),
        (f"{HEAD}\n1,,0,0,0,0,1,7,1,1\n", "is no vote"),
        (f"{HEAD}\n1,,0,0,0,0,1,yes,1,1\n", "is no vote"),
        ("comment-id,comment-body\n1,x\n", "no vote matrix"),
    ],
)
def test_what_is_no_vote_matrix_is_told(tmp_path: Path, content: str, message: str):
    path = tmp_path / "votes.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_votes([path])


def test_bytes_that_are_no_text_and_two_matrices_are_told(tmp_path: Path, matrix: Path):
    path = tmp_path / "votes.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="can't be read"):
        read_votes([path])
    with pytest.raises(InputError, match="several"):
        read_votes([matrix, matrix])


def test_a_whole_export_can_be_sent(matrix: Path, comments: Path, tmp_path: Path):
    summary = tmp_path / "summary.csv"
    summary.write_text("topic,Cars\nviews,6184\n", encoding="utf-8")
    assert len(read_votes([summary, matrix, comments]).votes) == 20
