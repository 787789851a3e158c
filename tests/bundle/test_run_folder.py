"""A run's folder: complete, self-explaining, and true to its own digests."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from synthestat.bundle.manifest import run_id
from synthestat.bundle.read import find_run, open_bundle, read_json
from synthestat.errors import BundleError
from synthestat.packs.pack import CountryPack, default_priors, find_pack, read_pack
from synthestat.story import Population
from synthestat.tables import content_digest

FILES = (
    "build_manifest.json",
    "constraint_residuals.json",
    "constraint_residuals.parquet",
    "relaxations.json",
    "distribution_diagnostics.json",
    "household_diagnostics.json",
    "dwelling_building_diagnostics.json",
    "assignment_diagnostics.json",
    "geography_quality_tiers.json",
    "uncertainty_summary.json",
    "uncertainty.parquet",
    "source_provenance.json",
    "privacy_report.json",
    "model_notes.md",
    "ro-crate-metadata.json",
    "checksums.sha256",
)
LAYERS = (
    "synthetic_persons",
    "synthetic_households",
    "synthetic_dwellings",
    "synthetic_building_assignments",
    "hidden_population_overlays",
    "work_school_assignments",
)
BUILT = ("persons", "households", "dwellings")


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_every_file_is_there(tiny_run: Path) -> None:
    assert [name for name in FILES if not (tiny_run / name).is_file()] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_is_a_table_or_a_marker(tiny_run: Path, layer: str) -> None:
    table = (tiny_run / f"{layer}.parquet").is_file()
    marker = (tiny_run / f"{layer}.unavailable.json").is_file()
    assert table != marker
    if marker:
        content = load(tiny_run, f"{layer}.unavailable.json")
        assert content["country"] == "ZZ"
        assert content["run_id"] == tiny_run.name
        assert content["layer"] == layer
        for key in ("reason", "evidence_needed", "looked_in"):
            assert content[key]
        assert "categories" in content


def test_the_manifest_says_what_the_run_is(tiny_run: Path, tiny_pack: CountryPack) -> None:
    manifest = load(tiny_run, "build_manifest.json")
    assert manifest["country"] == "ZZ"
    assert manifest["run_id"] == tiny_run.name
    assert manifest["seed"] == 1
    assert manifest["pack_digest"] == tiny_pack.digest
    assert manifest["snapshots"] == {s.id: s.sha256 for s in tiny_pack.sources.values()}
    assert manifest["geography"]["zones"] == ["01", "02", "03", "04", "05", "06"]
    assert "SYNTHETIC" in manifest["notice"]
    assert manifest["coverage"]["person_coverage"] == 1.0
    assert manifest["coverage"]["person_shortfall"] == 0
    assert manifest["constraints_used"]["HARD"] == [
        "persons_age",
        "households_total",
        "dwellings_total",
        "dwellings_vacant",
    ]
    assert {"03", "04", "05", "06"} <= set(manifest["zones_degraded"])
    assert set(manifest["layers"]) == set(LAYERS)


def test_the_digests_are_those_of_the_tables(tiny_run: Path) -> None:
    recorded = load(tiny_run, "build_manifest.json")["table_digests"]
    for table in BUILT:
        content = pl.read_parquet(tiny_run / f"synthetic_{table}.parquet")
        assert recorded[f"synthetic_{table}"] == content_digest(content)


def test_the_tables_are_those_that_were_built(tiny_run: Path, tiny_population: Population) -> None:
    for table in BUILT:
        built = pl.concat([getattr(zone, table) for zone in tiny_population.zones])
        read = pl.read_parquet(tiny_run / f"synthetic_{table}.parquet")
        assert content_digest(read) == content_digest(built)


def test_the_checksums_cover_every_other_file(tiny_run: Path) -> None:
    lines = (tiny_run / "checksums.sha256").read_text(encoding="utf-8").splitlines()
    recorded = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    present = {
        path.relative_to(tiny_run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tiny_run.rglob("*")
        if path.is_file() and path.name != "checksums.sha256"
    }
    assert recorded == present


@pytest.mark.parametrize("table", BUILT)
def test_a_row_group_is_a_zone(tiny_run: Path, table: str) -> None:
    file = pq.ParquetFile(tiny_run / f"synthetic_{table}.parquet")
    assert file.num_row_groups == 6
    for group in range(6):
        codes = set(file.read_row_group(group, columns=["zone_code"])["zone_code"].to_pylist())
        assert codes == {f"{group + 1:02d}"}


@pytest.mark.parametrize("table", BUILT)
def test_parquet_says_synthetic_and_the_evidence_of_each_column(tiny_run: Path, table: str) -> None:
    schema = pq.read_schema(tiny_run / f"synthetic_{table}.parquet")
    note = json.loads(schema.metadata[b"synthestat"])
    assert "SYNTHETIC" in note["notice"]
    assert note["run_id"] == tiny_run.name
    columns = {name for name in schema.names if not name.endswith("_evidence")}
    assert set(note["evidence"]) == columns
    words = {"measured", "constrained", "modelled", "unavailable", "blocked"}
    assert set(note["evidence"].values()) <= words


def test_the_tables_have_the_columns_of_the_contract(tiny_run: Path) -> None:
    contract = {
        "persons": "person_id household_id zone_code age sex universe household_role partner_id "
        "mother_id father_id family_status language faith",
        "households": "household_id zone_code size household_type kind institution "
        "reference_person_id dwelling_id universe",
        "dwellings": "dwelling_id zone_code occupancy household_count dwelling_type building_id",
    }
    for table, names in contract.items():
        present = pq.read_schema(tiny_run / f"synthetic_{table}.parquet").names
        assert set(names.split()) <= set(present)


def test_residuals_hold_every_cell_and_no_failure(
    tiny_run: Path, tiny_population: Population
) -> None:
    rows = pl.read_parquet(tiny_run / "constraint_residuals.parquet")
    cells = sum(t.targets.size for t in tiny_population.controls.published.tables.values())
    assert rows.height == cells
    assert rows["constraint_id"].n_unique() == rows.height
    assert set(rows["status"]) == {"PASS", "WARN", "SKIP"}
    warned = rows.filter(pl.col("status") == "WARN")
    assert warned["relaxation_id"].null_count() == 0
    assert set(warned["level"]) == {"FIRM"}
    relaxed = {r.id for r in tiny_population.controls.relaxations}
    assert set(warned["relaxation_id"]) == relaxed
    hard = rows.filter(pl.col("level") == "HARD", pl.col("target").is_not_null())
    assert (hard["residual"] == 0).all()
    summary = load(tiny_run, "constraint_residuals.json")
    assert summary["hard_failures"] == 0
    assert summary["hard_rows"] == hard.height
    assert summary["max_marginal_deviation"] == pytest.approx(4 / 264)


def test_relaxations_are_written_with_proofs(tiny_run: Path, tiny_population: Population) -> None:
    written = load(tiny_run, "relaxations.json")["relaxations"]
    assert {r["id"] for r in written} == {r.id for r in tiny_population.controls.relaxations}
    assert all(r["proof"] and r["cells"] for r in written)


def test_uncertainty_stands_beside_every_modelled_count(tiny_run: Path) -> None:
    table = pl.read_parquet(tiny_run / "uncertainty.parquet")
    homes = table.filter(pl.col("quantity") == "households")
    found = homes.select("zone", "universe").rows()
    zones = [("04", "enumerated"), ("06", "enumerated"), ("06", "estimated")]
    assert found == [*zones, ("ZZ", "estimated")]  # the number of the enumerated is published
    assert (table["low"] < table["estimate"]).all()
    assert (table["high"] > table["estimate"]).all()
    assert (table["between"] + table["within"] > 0).all()
    declared = table.filter(pl.col("interval").is_null())
    assert set(declared["quantity"]) == {"households"}


def test_tiers_grade_every_zone(tiny_run: Path) -> None:
    tiers = {t["zone"]: t["tier"] for t in load(tiny_run, "geography_quality_tiers.json")["tiers"]}
    assert tiers == {"01": "B", "02": "B", "03": "C", "04": "C", "05": "C", "06": "D"}


def test_households_are_judged_from_the_tables(tiny_run: Path) -> None:
    figures = load(tiny_run, "household_diagnostics.json")
    assert figures["child_only_households"] == 0
    assert figures["under_age_reference_persons"] == 0
    assert figures["by_universe"] == {"enumerated": 1000, "estimated": 29}
    assert figures["largest_household"] <= figures["declared_largest"] == 10
    assert sum(figures["by_type"].values()) == 1029


def test_provenance_counts_every_cell(tiny_run: Path) -> None:
    tables = {t["id"]: t for t in load(tiny_run, "source_provenance.json")["tables"]}
    households = tables["tiny_households"]
    assert households["cells_expected"] == households["cells_returned"] == 14
    assert households["cells_numeric"] == 8
    assert households["symbols"]["missing"] == 6
    assert tables["tiny_age"]["numeric_sum"] == 2 * 3541
    assert tables["neighbour_sizes"]["used_by"] == ["zz.household_size (GUIDE)"]


def test_the_pack_travels_with_the_run(tiny_run: Path, tiny_pack: CountryPack) -> None:
    assert read_pack(tiny_run / "pack").digest == tiny_pack.digest
    defaults = default_priors(tiny_pack.folder).read_bytes()
    assert (tiny_run / "pack" / "default_priors.yaml").read_bytes() == defaults


def test_default_distributions_are_recorded(tiny_run: Path, tiny_pack: CountryPack) -> None:
    listed = load(tiny_run, "distribution_diagnostics.json")["registry"]
    assert [entry["id"] for entry in listed] == [e.id for e in tiny_pack.priors.applying]
    default = [entry for entry in listed if entry["id"].startswith("default.")]
    assert {"institution_size", "institutional_ages"} <= {entry["family"] for entry in default}
    assert {(entry["variant"], entry["confidence"]) for entry in default} == {("robust", "low")}
    named = load(tiny_run, "build_manifest.json")["default_priors"]
    assert named == [entry["id"] for entry in default]


def test_institutions_are_counted_apart(institution_run: Path, tiny_run: Path) -> None:
    figures = load(institution_run, "household_diagnostics.json")
    assert figures["institutional_households"] == 4
    assert figures["institutional_residents"] == 245
    assert figures["institutional_residents_by_kind"] == {"care_home": 155, "student_hall": 90}
    assert figures["institutional_households_by_kind"] == {"care_home": 3, "student_hall": 1}
    assert figures["households"] == figures["private_households"] + 4
    for private in ("by_size", "by_type", "generations"):
        assert sum(figures[private].values()) == figures["private_households"]
    assert figures["largest_household"] <= figures["declared_largest"]
    assert set(figures["mean_size"]) == {"enumerated", "estimated"}
    assert figures["child_only_households"] == 0
    coverage = load(institution_run, "build_manifest.json")["coverage"]
    assert coverage["targets"]["persons"]["care"] == coverage["built"]["persons"]["care"] == 155
    graded, before = (
        {t["zone"]: t["tier"] for t in load(run, "geography_quality_tiers.json")["tiers"]}
        for run in (institution_run, tiny_run)
    )
    assert graded == before
    uncertain = pl.read_parquet(institution_run / "uncertainty.parquet")
    counted = uncertain.filter(
        pl.col("universe").is_in(["care", "halls"]), pl.col("quantity") == "households"
    )
    assert set(counted["method"]) == {"default.institution_size"}
    assert (counted["low"] < counted["estimate"]).all()
    note = json.loads(
        pq.read_schema(institution_run / "synthetic_households.parquet").metadata[b"synthestat"]
    )
    assert note["evidence"]["institution"] == "constrained"
    notes = (institution_run / "model_notes.md").read_text(encoding="utf-8")
    assert "| `institutional_residents` | 245 |" in notes


def test_institutions_leave_private_households_as_they_were(
    institution_run: Path, tiny_run: Path
) -> None:
    """Zones without institutions are the same person by person, but for their ids."""
    columns = ["zone_code", "age", "sex", "universe", "household_role", "language", "faith"]
    with_them, without = (
        pl.read_parquet(run / "synthetic_persons.parquet")
        .select(pl.col(columns).cast(pl.String))
        .filter(pl.col("zone_code").is_in(["04", "05", "06"]))
        for run in (institution_run, tiny_run)
    )
    assert with_them.equals(without)


def test_no_file_names_a_place_on_this_machine(tiny_run: Path) -> None:
    for path in tiny_run.rglob("*"):
        if path.suffix in (".json", ".md", ".sha256"):
            assert str(tiny_run.parent) not in path.read_text(encoding="utf-8")
            assert str(Path.home()) + "/" not in path.read_text(encoding="utf-8")


# The id ---------------------------------------------------------------------------------------


def test_the_id_has_the_declared_form(tiny_run: Path, tiny_pack: CountryPack) -> None:
    assert re.fullmatch(r"zz_national_[0-9a-f]{8}_seed1", tiny_run.name)
    assert tiny_run.parent.name == "ZZ"
    assert run_id(tiny_pack, 1) == tiny_run.name
    assert run_id(read_pack(tiny_pack.folder), 1) == tiny_run.name


def test_the_id_changes_with_seed_pack_and_snapshot(
    tiny_pack: CountryPack,
    copy_pack: Callable[[Path], Path],
    change_text: Callable[[Path, str, str], None],
    edit_table: Callable[..., None],
    tmp_path: Path,
) -> None:
    ids = {run_id(tiny_pack, 1), run_id(tiny_pack, 2), run_id(find_pack("XK"), 1)}
    folder = copy_pack(tmp_path)
    assert run_id(read_pack(folder), 1) in ids  # the same pack elsewhere is the same pack
    change_text(folder / "priors.yaml", "growth: 0.09", "growth: 0.10")
    ids.add(run_id(read_pack(folder), 1))
    edit_table(folder, "neighbour_sizes", {("1",): 181})
    ids.add(run_id(read_pack(folder), 1))
    assert len({name.split("_")[2] for name in ids}) == len(ids) == 5


# Reading back ---------------------------------------------------------------------------------


def test_a_bundle_is_opened(tiny_run: Path) -> None:
    bundle = open_bundle(tiny_run)
    assert bundle.run_id == tiny_run.name
    assert bundle.table("synthetic_persons").is_file()
    assert bundle.json("relaxations.json")["conflicts"] == []


def test_what_is_no_bundle_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a folder"):
        open_bundle(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"no build_manifest\.json"):
        open_bundle(tmp_path)
    with pytest.raises(BundleError) as caught:
        open_bundle(tiny_run.parent.parent)
    assert any(tiny_run.name in fault for fault in caught.value.faults)


def test_the_newest_run_below_a_folder_is_found(tiny_run: Path) -> None:
    for place in (tiny_run, tiny_run.parent, tiny_run.parent.parent):
        assert find_run(str(place)) == tiny_run


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": {"b": 1, "b": 1}}', "'b' stands twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": [-Infinity]}', "-Infinity is no JSON number"),
        ("[1]", "must hold a JSON object"),
        ('{"a": 1', "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_json_is_read_strictly(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        read_json(path)
    assert "x.json" in caught.value.message


def test_json_that_is_no_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(BundleError, match="is not JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(BundleError, match=r"y\.json is absent"):
        read_json(tmp_path / "y.json")


def test_every_json_file_of_a_run_is_strict(tiny_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_run, tmp_path / tiny_run.name)
    names = [path.relative_to(copy) for path in copy.rglob("*.json")]
    assert len(names) >= 13
    for name in names:
        read_json(copy / name)
