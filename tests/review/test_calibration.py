"""The reviewer's calibration: a few kinds through the benchmark's own functions, and its record."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import reviewer_calibration
from planted import FAMILIES, every_kind
from planted.good_runs import TINYLAND, Variant
from planted.journal import Journal
from planted.kinds import (
    FEW,
    GRADED,
    INSTITUTIONS,
    MANY,
    ONE,
    PLAIN,
    ChangesNoClaim,
    Kind,
    NotApplicable,
    kind,
)
from planted.kit import NOTES, PERSONS, PlantedRun
from planted.outcomes import figures_of, record_of, text_of
from planted.planting import CAUGHT, ELSEWHERE, NO_CLAIM, NOT_APPLICABLE, GoodRun, Row, try_kind
from planted.publishing import BEGIN, END, FAMILY_NAMES, PAGE, RECORD, table_of

from synthestat.review.questions import QUESTIONS
from synthestat.sources.snapshots import SnapshotStore

HANDFUL = (
    "links.partner_on_one_side_only",
    "levels.residual_row_that_hides_a_miss",
    "intervals.estimate_that_is_one_off",
    "files.bits_of_notes",
)


@pytest.fixture(scope="module")
def good(tiny_run: Path, tiny_snapshots: SnapshotStore) -> GoodRun:
    warned = ("missing_layers", "national_widths")
    return GoodRun(TINYLAND, PLAIN, tiny_run, tiny_snapshots.folders[0], warned)


def test_a_handful_of_kinds_is_caught_at_every_severity(good: GoodRun) -> None:
    kinds = [each for each in every_kind() if each.id in HANDFUL]
    wanted = reviewer_calibration.shares(kinds, [TINYLAND], every=False)[TINYLAND]
    tasks = reviewer_calibration.tasks_of(wanted, TINYLAND, {PLAIN: good}, 1, Journal(None, 1))
    rows = reviewer_calibration.plant_all(tasks, 1, Journal(None, 1))
    assert len(rows) == sum(len(each.severities) for each in kinds) == 12
    assert {row.outcome for row in rows} == {CAUGHT}
    assert all(row.review > 0 for row in rows)
    record = record_of(kinds, rows, [], 1)
    figures, ratios = figures_of(record)
    assert figures["planted"] == 12
    assert ratios == {"caught": 1.0, "attributed": 1.0}
    assert record["families"]["files"]["byte"]["caught"] == 1
    assert json.loads(text_of(record)) == record
    assert "| files and bytes | 1 | 1 of 1 | 1 of 1 | 1 of 1 |" in table_of(record)


def test_an_interrupted_calibration_is_taken_up(good: GoodRun, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    kinds = [each for each in every_kind() if each.id == HANDFUL[0]]
    wanted = reviewer_calibration.shares(kinds, [TINYLAND], every=False)[TINYLAND]

    def tasks(journal: Journal) -> list:
        return reviewer_calibration.tasks_of(wanted, TINYLAND, {PLAIN: good}, 1, journal)

    first = Journal(path, 1)
    first.add(clean := Variant(TINYLAND, "seed 2", (), ("missing_layers",), 1.0))
    rows = reviewer_calibration.plant_all(tasks(first), 1, first)
    path.write_text(path.read_text()[:-9])  # as if killed while it wrote the last line
    again = Journal(path, 1)
    left = tasks(again)
    assert left[:-1] == rows[:-1]
    assert not isinstance(left[-1], Row)
    assert again.variant(TINYLAND, "seed 2") == clean
    assert reviewer_calibration.plant_all(left, 1, again)[-1].outcome == CAUGHT
    assert len(path.read_text().splitlines()) == 2 + len(rows)
    with pytest.raises(SystemExit, match="of another engine, reviewer"):
        Journal(path, 2)


def test_national_countries_share_the_kinds_out() -> None:
    kinds = every_kind()
    taken = reviewer_calibration.shares(kinds, [TINYLAND, "XK", "LU-2025"], every=False)
    assert len(taken[TINYLAND]) == sum(len(each.severities) for each in kinds)
    once = {country: {each.id for each, _ in taken[country]} for country in ("XK", "LU-2025")}
    graded = reviewer_calibration.first_graded(kinds)
    assert once["XK"] | once["LU-2025"] == {each.id for each in kinds}
    assert once["XK"] & once["LU-2025"] == graded
    both = reviewer_calibration.shares(kinds, ["XK", "LU-2025"], every=True)
    assert all(
        {each.id for each, _ in took} == {each.id for each in kinds} for took in both.values()
    )


def test_what_a_country_has_nothing_of_is_handed_on(good: GoodRun) -> None:
    kinds = [each for each in every_kind() if each.base == INSTITUTIONS][:2]
    wanted = [(each, ONE) for each in kinds]
    rows = reviewer_calibration.tasks_of(wanted, "XK", {PLAIN: good}, 1, Journal(None, 1))
    assert [row.outcome for row in rows if isinstance(row, Row)] == [NOT_APPLICABLE] * 2
    bases = {"XK": {PLAIN: good}, "LU-2025": {PLAIN: good, INSTITUTIONS: good}}
    done = [row for row in rows if isinstance(row, Row)]
    on = reviewer_calibration.handed_on(kinds, done, bases, 1, Journal(None, 1))
    assert [task[0] for task in on if not isinstance(task, Row)] == [each.id for each in kinds]


def test_a_kind_is_added_in_ten_lines(good: GoodRun) -> None:
    mine: list[Kind] = []

    @kind(6, "parent_links", *GRADED, into=mine)
    def father_who_is_a_woman(run: PlantedRun) -> None:
        children = run.take(run.people(pl.col("father_id").is_not_null()))
        run.put(PERSONS, "person_id", children["father_id"], sex="female")

    (added,) = mine
    assert added not in every_kind()
    rows = [try_kind(added, severity, good, seed) for severity in GRADED for seed in (0, 1)]
    assert {row.outcome for row in rows} == {CAUGHT}


def test_only_another_check_and_nothing_altered_are_told_apart(good: GoodRun) -> None:
    mine: list[Kind] = []

    @kind(6, "partner_links", into=mine)
    def another_age(run: PlantedRun) -> None:
        run.put(PERSONS, "person_id", 1, age=40)

    @kind(13, "notes_figures", into=mine)
    def the_same_table(run: PlantedRun) -> None:
        run.write(PERSONS, run.table(PERSONS))

    outcomes = [try_kind(each, ONE, good, 0).outcome for each in mine]
    assert outcomes == [ELSEWHERE, NO_CLAIM]


def test_severities_take_more_of_the_rows(good: GoodRun, tmp_path: Path) -> None:
    run = PlantedRun(good.folder, SnapshotStore(good.snapshots), tmp_path)
    taken = {}
    for severity in GRADED:
        run.severity = severity
        taken[severity] = run.places(1000)
    assert {severity: len(places) for severity, places in taken.items()} == {
        **{ONE: 1, FEW: 10, MANY: 300},
    }
    assert all(len(set(places)) == len(places) for places in taken.values())
    run.seed = 4
    assert run.places(1000) != taken[MANY]
    with pytest.raises(NotApplicable, match="too few"):
        run.places(2)
    with pytest.raises(NotApplicable, match="no such row"):
        run.places(0)
    with pytest.raises(ChangesNoClaim):
        run.edit_text(NOTES, lambda text: text)


def test_a_linked_copy_leaves_the_good_run_as_it_is(good: GoodRun, tmp_path: Path) -> None:
    run = PlantedRun(good.folder, SnapshotStore(good.snapshots), tmp_path, linked=True)
    assert run.path(NOTES).stat().st_ino == (good.folder / NOTES).stat().st_ino
    before = (good.folder / NOTES).read_bytes()
    run.edit_text(NOTES, lambda text: text + "more")
    assert (good.folder / NOTES).read_bytes() == before
    assert not run.untouched(run.path(NOTES))


# The kinds that there are, and the record that is published ---------------------------------------


def test_there_are_kinds_of_every_family_and_many_are_graded() -> None:
    kinds = every_kind()
    assert sum(len(each.severities) > 1 for each in kinds) >= 60
    assert {each.family for each in kinds} == set(FAMILIES) == set(FAMILY_NAMES)
    assert {each.check for each in kinds} <= {question.id for question in QUESTIONS}


def test_checks_without_a_kind_are_known() -> None:
    """What no kind plants: a threshold entry, and advice on what evidence would add."""
    without = {question.id for question in QUESTIONS} - {each.check for each in every_kind()}
    assert without == {"review_thresholds", "missing_layers", "national_widths"}


def test_an_unknown_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="hopeless"):
        kind(1, "child_only", "hopeless")


@pytest.fixture(scope="module")
def record() -> dict[str, dict[str, dict[str, object]]]:
    return dict(json.loads(RECORD.read_text(encoding="utf-8")))


def test_the_record_names_the_kinds_that_exist(record) -> None:
    published = {name: (each["check"], each["finding"]) for name, each in record["kinds"].items()}
    assert published == {each.id: (each.check, each.finding) for each in every_kind()}
    for each in every_kind():
        tiny = [TINYLAND in where for where in record["kinds"][each.id]["outcomes"].values()]
        assert tiny.count(True) == len(each.severities), each.id


def test_the_page_shows_the_record(record) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == table_of(record)
