"""CSV files as visitors have them."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from pipelines.bartsmiles.batch import BatchReport, read_csv, run_batch
from pipelines.bartsmiles.predictor import Predictor
from pipelines.errors import InputError
from pipelines.runtime import Progress


def run(tiny: Predictor, content: bytes) -> BatchReport:
    *reports, report = run_batch(tiny, content)
    assert all(isinstance(each, Progress) for each in reports)
    return report


def test_rows_keep_their_order_and_bad_ones_their_reason(tiny: Predictor) -> None:
    report = run(tiny, b"name,SMILES\nlong,CCCCCCCCCCO\nblank,\nbad,C1CC\nshort,C\n")
    assert report.frame["name"].tolist() == ["long", "blank", "bad", "short"]
    assert report.frame.iloc[:, 2].notna().tolist() == [True, False, False, True]
    assert "Ring 1" in report.frame["problem"][2]
    assert (report.read, report.failed) == (2, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfsmiles;x\nCCO;1\nCCC;2\n",
        "smiles\tx\nCCO\té\nCCC\t2\n".encode("cp1252"),
        "smiles,x\nCCO,1\nCCC,2\n".encode("utf-16"),
        b"x,structure\n1,CCO\n2,CCC\n",
        b"CCO\nCCC\n",
        b"smiles,smiles\nCCO,1\nCCC,2\n",
    ],
)
def test_many_kinds_of_csv_are_read(content: bytes) -> None:
    frame, column, _ = read_csv(content)
    assert frame[column].tolist()[-1] == "CCC"


@pytest.mark.parametrize("content", [b"", b"smiles\n", b"a,b\n1,2\n", b"\x00\x01\x02,", b"x\n" * 3])
def test_what_is_no_table_of_molecules_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        read_csv(content)


def test_formulas_are_made_harmless(tiny: Predictor) -> None:
    report = run(tiny, b'smiles,=x\nCCO,"=HYPERLINK(1)"\n')
    text = report.to_csv().decode()
    assert "'=HYPERLINK" in text
    assert "'=x" in text
    assert len(pd.read_csv(io.StringIO(text))) == 1


def test_a_thousand_rows(tiny: Predictor) -> None:
    report = run(tiny, b"smiles\n" + b"CCO\nc1ccccc1O\n" * 500)
    assert len(report.frame) == report.read == 1000
    assert report.frame.iloc[0, 1:7].tolist() == pytest.approx(report.frame.iloc[2, 1:7].tolist(), abs=1e-5)


def test_a_stopped_job_leaves_what_it_had_done(tiny: Predictor) -> None:
    reports = run_batch(tiny, b"smiles\n" + b"CCCCO\n" * 600 + b"CO\nC1CC\nCO.CCO\n")
    so_far = next(report.preview for report in reports if isinstance(report, Progress) and report.preview)
    reports.close()
    assert 0 < so_far.read < 602 and len(so_far.frame) == 603
    assert so_far.frame.iloc[:, 1].notna().sum() == so_far.read
    assert so_far.frame["problem"].str.startswith("Not predicted yet").sum() == 602 - so_far.read
    assert len(so_far.answered) == so_far.read + 1
    assert so_far.failed == 1 and "so far" in so_far.notes[-1]


def test_too_many_rows_are_cut_with_a_note() -> None:
    frame, _, notes = read_csv(b"smiles\n" + b"C\n" * 10_001)
    assert len(frame) == 10_000
    assert "10,001" in notes[0]
