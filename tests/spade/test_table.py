"""Reading tables that nobody tidied up: each gets a plain message or a told automatic step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.spade.analysis import TableReport, analyse, score_table
from pipelines.spade.columns import ColumnEncoder, parse_numbers
from pipelines.spade.export import defuse, result_frame, scored_frame, to_csv
from pipelines.spade.labels import Mapping, chosen, find_label_column, guess_mapping, labels_of
from pipelines.spade.table import read_table

ROWS = 60


def csv(columns: dict[str, list[object]], delimiter: str = ",") -> bytes:
    rows = [
        delimiter.join(columns),
        *(delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    return ("\n".join(rows) + "\n").encode()


def plain(n: int = ROWS, **more: list[object]) -> dict[str, list[object]]:
    """Two columns of numbers and a label column: 12 normals, 6 anomalies, the rest blank."""
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, n)).round(3)
    a[:6] += 6
    label = ["1"] * 6 + [""] * (n - 18) + ["0"] * 12
    return {"a": a.tolist(), "b": b.tolist(), **more, "label": label}


def run(data: bytes, **options: object) -> TableReport:
    steps = analyse(read_table(data), check=False, **options)
    return [step for step in steps if not isinstance(step, Progress)][-1]


def told(report: TableReport) -> str:
    return " ".join(report.outcome.notes)


REFUSED = {
    "empty": (b"", "empty"),
    "blank": (b"\n\n  \n", "empty"),
    "header only": (b"a,b,label\n", "no rows"),
    "one row": (b"a,b,label\n1,2,0\n", "has 1 row;"),
    "one column": (b"a\n1\n2\n3\n", "one column"),
    "only labels": (csv({"label": ["1"] * 10 + [""] * 30, "truth": ["1"] * 10 + ["0"] * 30}), "No column"),
    "all text": (csv({"note": [f"free text {i * 7}" for i in range(40)], "x": ["same"] * 40}), "No column"),
    "nul bytes": (b"a,b\n1,\x002\n" * 20, "NUL"),
    "xlsx": (b"PK\x03\x04" + b"x" * 100, "Excel"),
    "png": (b"\x89PNG\r\n" + b"x" * 100, "picture"),
    "pdf": (b"%PDF-1.4" + b"x" * 100, "PDF"),
    "10k columns": (
        b",".join(b"c%d" % i for i in range(10_000)) + b"\n" + b",".join([b"1"] * 10_000),
        "10,000 columns",
    ),
    "few unlabelled": (csv({**plain(), "label": ["1"] * 6 + ["0"] * 49 + [""] * 5}), "5 rows have no label"),
    "minus one and one": (csv({**plain(), "label": ["1"] * 50 + ["-1"] * 10}), "mean?"),
    "free label words": (csv({**plain(), "label": ["red"] * 20 + ["green"] * 20 + ["blue"] * 20}), "mean?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_plain_sentence(name: str) -> None:
    data, message = REFUSED[name]
    with pytest.raises(InputError) as failure:
        run(data)
    assert message in failure.value.message
    assert failure.value.field


def with_comma(values: list[object]) -> list[str]:
    return [str(value).replace(".", ",") for value in values]


base = plain()
many = [f"k{i % 53}" for i in range(160)]
ACCEPTED = {
    "semicolons and decimal commas": (csv({**base, "a": with_comma(base["a"])}, ";"), "decimal commas"),
    "tabs": (csv(base, "\t"), "tabs"),
    "bars": (csv(base, "|"), "bars"),
    "utf-16": (csv(base).decode().encode("utf-16"), "UTF-16"),
    "utf-16 without a mark": (csv(base).decode().encode("utf-16-le"), "UTF-16"),
    "latin-1": (
        csv({**plain(), "größe": base["a"], "label": base["label"]}).decode().encode("cp1252"),
        "Windows-1252",
    ),
    "gbk": (csv(plain(类别=["异常类型"] * 30 + ["正常类型"] * 30)).decode().encode("gb18030"), "GB 18030"),
    "no header": (
        b"\n".join(b"%f,%f,%d" % (i, i * i % 7, i % 3) for i in np.random.default_rng(0).normal(size=40)),
        "no header",
    ),
    "no label column": (csv({"a": base["a"], "b": base["b"]}), "No label column"),
    "doubled names": (csv(base).replace(b"a,b,", b"a,a,", 1), "numbered"),
    "constant": (csv(plain(c=[5] * ROWS)), "every cell is the same: c"),
    "blank column": (csv(plain(c=[""] * ROWS)), "every cell is blank: c"),
    "duplicate column": (csv(plain(c=base["a"])), "the same as 'a'"),
    "row numbers": (csv(plain(nr=list(range(ROWS)))), "identifier"),
    "text ids": (csv(plain(uuid=[f"u{i * 37 % 1000}" for i in range(ROWS)])), "identifier"),
    "missing": (csv(plain(c=["?" if i % 9 == 0 else i % 5 for i in range(ROWS)])), "take the median: c"),
    "huge and infinite": (csv(plain(c=["1e308", "inf", *range(58)])), "huge numbers count as missing"),
    "some words": (csv(plain(c=["oops", *np.linspace(0, 1, 59).tolist()])), "no numbers"),
    "categories": (csv(plain(c=["red", "blue"] * 30)), "categories: c"),
    "over fifty categories": (csv(plain(160, c=many)), "frequency: c"),
    "dates": (csv(plain(day=[f"2022-11-{1 + i % 28:02d}" for i in range(ROWS)])), "dates"),
    "german dates": (csv(plain(day=[f"{1 + i % 28:02d}.11.2022" for i in range(ROWS)])), "dates"),
    "ragged long": (csv(base) + b"1,2,3,4,5\n", "left out"),
    "ragged short": (csv(base) + b"1\n", "end early"),
    "quotes unbalanced": (csv(base) + b'"1,2,0\n', "Quotation marks"),
    "contradiction": (csv(base) + b"9,9,1\n9,9,0\n", "equal rows labelled anomaly"),
    "leak": (
        csv({**plain(90), "copy": [3] * 20 + [1] * 70, "label": ["1"] * 20 + ["0"] * 20 + [""] * 50}),
        "copy of them",
    ),
    "few anomalies": (csv(base), "Only 6 labelled anomalies"),
    "mostly anomalies": (
        csv({**plain(), "label": ["1"] * 20 + ["0"] * 8 + [""] * 32}),
        "More anomalies than normals",
    ),
    "minus one beside zero": (
        csv({**plain(), "label": ["1"] * 6 + ["0"] * 14 + ["-1"] * 40}),
        "-1 is read as unlabelled",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_read_and_told(name: str) -> None:
    data, note = ACCEPTED[name]
    report = run(data)
    assert note in told(report)
    assert np.isfinite(report.outcome.scores).all()


def test_bom_markup_and_odd_names_pass() -> None:
    data = "\ufeff<b>a</b>,b,label\n".encode() + csv(plain()).split(b"\n", 1)[1]
    report = run(data)
    assert report.features.names[0] == "<b>a</b>"


def test_thousands_percent_currency() -> None:
    cells = pd.Series(["1,234", "$5", "7 %", "12,345,678", "€ 3.5", "?"])
    assert parse_numbers(cells).tolist()[:5] == [1234, 5, 7, 12345678, 3.5]
    assert parse_numbers(pd.Series(["1.234,5"]), decimal_comma=True).tolist() == [1234.5]


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        (["1", "0", ""], ("anomaly", "normal", "unlabelled")),
        (["1.0", "0.0", "-1.0"], ("anomaly", "normal", "unlabelled")),
        (["true", "false", "nan"], ("anomaly", "normal", "unlabelled")),
        (["fraud", "ok", "?"], ("anomaly", "normal", "unlabelled")),
        (["Anomaly scratch", "Normal", "unknown"], ("anomaly", "normal", "unlabelled")),
        (["defekt", "gut", ""], ("anomaly", "normal", "unlabelled")),
        (["défaut", "bon", "?"], ("anomaly", "normal", "unlabelled")),
    ],
)
def test_label_values_are_understood(values: list[str], meaning: tuple[str, ...]) -> None:
    table = read_table(csv({**plain(), "label": values * 20}))
    assert find_label_column(table.frame) == "label"
    y = labels_of(table.frame, guess_mapping(table.frame, "label"))
    codes = {"anomaly": 1, "normal": 0, "unlabelled": -1}
    assert y[:3].tolist() == [codes[word] for word in meaning]


def test_the_visitor_decides_what_values_mean() -> None:
    table = read_table(csv({**plain(), "label": ["1"] * 50 + ["-1"] * 10}))
    guess = guess_mapping(table.frame, "label")
    with pytest.raises(InputError, match="mean"):
        labels_of(table.frame, chosen("label", (), (), guess))
    y = labels_of(table.frame, chosen("label", ("-1",), ("1",), guess))
    assert (y == 1).sum() == 10
    assert (y == 0).sum() == 50
    with pytest.raises(InputError, match="under anomaly and under normal"):
        labels_of(table.frame, chosen("label", ("1",), ("1",), guess))
    with pytest.raises(InputError, match="different values"):
        guess_mapping(table.frame, "a")


def test_a_truth_column_is_compared_with_and_never_fitted() -> None:
    truth = ["anomaly x"] * 9 + ["anomaly y"] * 3 + ["normal"] * 48
    report = run(csv({**plain(), "truth": truth}))
    assert "truth" not in report.features.names
    assert report.outcome.check.anomalies == 6, "only unlabelled rows are judged"
    assert report.outcome.missed.sum() == 3


def test_labels_are_held_out_where_there_is_no_truth() -> None:
    generator = np.random.default_rng(0)
    label = ["1"] * 15 + ["0"] * 45 + [""] * 140
    a = generator.normal(size=200)
    a[:15] += 5
    data = csv({"a": a.tolist(), "b": generator.normal(size=200).tolist(), "label": label})
    steps = list(analyse(read_table(data)))
    check = steps[-1].outcome.check
    assert (check.anomalies, check.normals) == (15, 45)
    assert check.rows[0].auc > 0.9
    assert check.rows[0].low <= check.rows[0].auc <= check.rows[0].high
    assert check.verdict.endswith(".")


def test_the_csv_is_the_same_to_the_byte_and_safe() -> None:
    data = csv(plain(formula=["=1+1", "-2.5", "@x"] * 20))
    one, two = (to_csv(result_frame(run(data, seed=5))) for _ in range(2))
    assert one == two
    text = one.decode()
    assert "'=1+1" in text
    assert "'@x" in text
    assert ",-2.5," in text
    assert text.splitlines()[0].endswith(
        "spade_score,spade_rank,spade_pseudo_label,spade_votes_anomaly,spade_votes_normal"
    )


def test_defusing_leaves_numbers_alone() -> None:
    cells = pd.Series(["+5", "-1e3", "+cmd", "=A1", "ok"])
    assert defuse(cells).tolist() == ["+5", "-1e3", "'+cmd", "'=A1", "ok"]


def test_a_second_table_is_scored_and_a_strange_one_refused() -> None:
    report = run(csv(plain()))
    second = read_table(csv({"b": [0, 0.1], "a": [0.0, 7.0], "extra": ["x", "y"]}))
    *_, scores = score_table(report, second)
    assert scores[1] > scores[0]
    assert "spade_rank" in scored_frame(report, second.frame, scores)
    with pytest.raises(InputError, match="lacks 'a'"):
        list(score_table(report, read_table(b"b,c\n1,2\n")))


def test_a_file_by_path_and_its_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(csv(plain()))
    assert read_table(path).name == "t.csv"
    monkeypatch.setattr("pipelines.spade.table.MOST_BYTES", 10)
    with pytest.raises(InputError, match="MB"):
        read_table(path)


def test_an_encoder_needs_its_columns_only() -> None:
    table = read_table(csv(plain(c=["red", "blue"] * 30)))
    encoder = ColumnEncoder().fit(table.frame, ["label"])
    features = encoder.transform(table.frame)
    assert features.X.shape == (ROWS, 4)
    assert features.owner.tolist() == [0, 1, 2, 2]


def test_a_label_column_is_found_by_its_words_wherever_it_stands() -> None:
    columns = {"Prüfung": ["defekt", "gut", ""] * 20, **plain(), "label": list(range(ROWS))}
    assert find_label_column(read_table(csv(columns)).frame) == "Prüfung"


def test_yes_and_no_are_labels_only_in_the_last_column() -> None:
    columns = {"insured": ["yes", "no", ""] * 20, **plain(), "label": list(range(ROWS))}
    assert find_label_column(read_table(csv(columns)).frame) is None


def test_a_mostly_blank_column_is_named_where_no_label_is_found() -> None:
    columns = {"finding": ["crack", "", "", ""] * 15, **plain(), "label": list(range(ROWS))}
    frame = read_table(csv(columns)).frame
    assert "If 'finding' holds labels" in guess_mapping(frame, find_label_column(frame)).note


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("Title of it all\n\na,b,c\n" + "1,2,3\n4,5,7\n" * 9, ["a", "b", "c"], "1 line above the header"),
        ("Exported sheet,,\na,b,c\n" + "1,2,3\n4,5,7\n" * 9, ["a", "b", "c"], "1 line above the header"),
        (",a,b\n" + "1,2,\n4,5,7\n" * 9, ["column 1", "a", "b"], ""),
        ("a,b,c\n" + "1,2,3,\n4,5,7,\n" * 9, ["a", "b", "c"], "ends with a delimiter"),
        ("a,b,c\n" + "r1,1,2,3\nr2,4,5,7\n" * 9, ["row", "a", "b", "c"], "as R writes it"),
    ],
)
def test_headers_as_other_programs_write_them(text: str, columns: list[str], told: str) -> None:
    table = read_table(text.encode())
    assert list(table.frame.columns) == columns and len(table.frame) == 18
    assert not told or any(told in note for note in table.notes), table.notes
    assert not any("end early" in note or "too many" in note for note in table.notes)


def test_label_values_that_do_not_occur_are_named() -> None:
    frame = pd.DataFrame({"a": ["1", "2"], "label": ["ok", "odd"]})
    with pytest.raises(InputError, match="no value 'Odd'"):
        labels_of(frame, Mapping("label", ("Odd",), ("ok",)))


def test_our_own_columns_are_never_features_and_are_replaced() -> None:
    again = run(to_csv(result_frame(run(csv(plain())))))
    assert not any(name.startswith("spade_") for name in again.features.names)
    assert list(result_frame(again).columns).count("spade_score") == 1


def test_a_blank_date_of_a_second_table_takes_the_first_tables_usual_day() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    encoder = ColumnEncoder().fit(pd.DataFrame({"when": days, "x": [str(i % 9) for i in range(28)]}))
    X = encoder.transform(pd.DataFrame({"when": ["", "2024-01-14"], "x": ["1", "1"]})).X
    assert abs(X[0, 0] - X[1, 0]) <= 1
