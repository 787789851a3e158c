"""Notes, manifests and diagnostics that differ from the tables: finding 13."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from planted.kinds import GRADED, NotApplicable, Plant, kind
from planted.kit import (
    DWELLING_FIGURES,
    HOUSEHOLD_FIGURES,
    MANIFEST,
    NOTES,
    RELAXED,
    SUMMARY,
    PlantedRun,
)


def notes_line(key: str, wrong: str) -> Callable[[str], str]:
    """An edit that gives a figure of the notes another value."""

    def edit(text: str) -> str:
        lines = [f"| `{key}` | {wrong} |" if f"`{key}`" in ln else ln for ln in text.split("\n")]
        return "\n".join(lines)

    return edit


@kind(13, "notes_figures")
def notes_with_other_persons(run: PlantedRun) -> None:
    run.edit_text(NOTES, notes_line("persons", "1"))


@kind(13, "notes_figures", *GRADED)
def figures_of_the_notes_one_off(run: PlantedRun) -> None:
    """Whole figures of the notes are one more than they are."""

    def figure(line: str) -> str:
        parts = line.split(" | ")
        known = line.startswith("| `") and len(parts) == 2
        return parts[1].removesuffix(" |").replace(",", "") if known else ""

    def raise_some(text: str) -> str:
        lines = text.split("\n")
        whole = [at for at, line in enumerate(lines) if figure(line).isdigit()]
        for at in run.pick(whole):
            head, _, _ = lines[at].partition(" | ")
            lines[at] = f"{head} | {int(figure(lines[at])) + 1:,} |"
        return "\n".join(lines)

    run.edit_text(NOTES, raise_some)


@kind(13, "notes_figures")
def notes_that_claim_another_deviation(run: PlantedRun) -> None:
    true = run.read_json(SUMMARY)["max_marginal_deviation"]
    run.edit_text(NOTES, notes_line("max_marginal_deviation", f"{0.0 if true else 0.5:.6f}"))


@kind(13, "notes_figures")
def residual_zero_beside_a_miss(run: PlantedRun) -> None:
    relaxations = run.read_json(RELAXED)["relaxations"]
    if not relaxations:
        raise NotApplicable("nothing is relaxed")
    missed = relaxations[-1]["control_id"]

    def claim(text: str) -> str:
        line = next(ln for ln in text.split("\n") if ln.startswith(f"| {missed} |"))
        return text.replace(line, line.rsplit("|", 2)[0] + "| 0 |")

    run.edit_text(NOTES, claim)


@kind(13, "notes_figures")
def target_only_in_the_notes(run: PlantedRun) -> None:
    line = "* `zz.target`: value 3, tolerance 1, observed 3.000000: met\n"
    run.edit_text(NOTES, lambda text: text + line)


@kind(13, "notes_figures")
def layer_that_the_notes_alone_have(run: PlantedRun) -> None:
    absent, there = "work_school_assignments: unavailable", "work_school_assignments: measured"
    run.edit_text(NOTES, lambda text: text.replace(absent, there, 1))


@kind(13, "manifest_coverage")
def manifest_with_other_households(run: PlantedRun) -> None:
    def add(manifest: dict[str, Any]) -> None:
        manifest["coverage"]["built"]["households"]["all"] += 12

    run.edit_json(MANIFEST, add)


@kind(13, "manifest_coverage", *GRADED)
def counts_of_the_manifest_one_off(run: PlantedRun) -> None:
    def add(manifest: dict[str, Any]) -> None:
        built = manifest["coverage"]["built"]
        known = [(b, n) for b, row in built.items() for n, count in row.items() if count]
        for layer, name in run.pick(known):
            built[layer][name] += 1

    run.edit_json(MANIFEST, add)


@kind(13, "residual_summary")
def summary_that_counts_a_warning_as_a_pass(run: PlantedRun) -> None:
    if not run.read_json(SUMMARY)["by_level"].get("FIRM", {}).get("WARN"):
        raise NotApplicable("no FIRM row is a warning")

    def pass_all(summary: dict[str, Any]) -> None:
        firm = summary["by_level"]["FIRM"]
        firm["PASS"] += firm.pop("WARN")

    run.edit_json(SUMMARY, pass_all)


@kind(13, "household_summary", *GRADED)
def diagnostics_with_other_sizes(run: PlantedRun) -> None:
    """Households by size, one more than there are."""

    def shift(document: dict[str, Any]) -> None:
        for size in run.pick(list(document["by_size"])):
            document["by_size"][size] += 1

    run.edit_json(HOUSEHOLD_FIGURES, shift)


@kind(13, "dwelling_summary")
def diagnostics_with_other_vacancy(run: PlantedRun) -> None:
    if not run.read_json(DWELLING_FIGURES).get("vacant"):
        raise NotApplicable("there are no vacant dwellings")
    run.edit_json(DWELLING_FIGURES, lambda d: d.update(vacant=d["vacant"] + 5))


@kind(13, "family_structure", *GRADED)
def living_arrangements_altered(run: PlantedRun) -> None:
    """In some groups of sex and age one person less heads a couple, and one more lives alone."""

    def move(document: dict[str, Any]) -> None:
        arranged = document["living_arrangements"]
        places = [(sex, age) for sex, ages in arranged.items() for age in ages]
        known = [(s, a) for s, a in places if arranged[s][a].get("heading_couple")]
        for sex, age in run.pick(known):
            arranged[sex][age]["alone"] = arranged[sex][age].get("alone", 0) + 1
            arranged[sex][age]["heading_couple"] -= 1

    run.edit_json(HOUSEHOLD_FIGURES, move)


@kind(13, "family_structure")
def age_group_left_out(run: PlantedRun) -> None:
    def leave_out(document: dict[str, Any]) -> None:
        groups = document["living_arrangements"]["male"]
        del groups[next(iter(groups))]

    run.edit_json(HOUSEHOLD_FIGURES, leave_out)


def shift_gap(name: str) -> Plant:
    """Count gaps of some years as of a year more."""

    def plant(run: PlantedRun) -> None:
        def move(document: dict[str, Any]) -> None:
            counts = document["gaps"][name]["counts"]
            for year in run.pick(list(counts)):
                later = str(int(year) + 1)
                counts[later] = counts.get(later, 0) + counts[year]
                counts[year] = 0

        run.edit_json(HOUSEHOLD_FIGURES, move)

    return plant


for each in ("partner", "mother_child", "father_child", "mother_youngest_child"):
    kind(13, "family_structure", *GRADED, name=f"{each}_gaps_a_year_off")(shift_gap(each))


@kind(13, "family_structure")
def generations_altered(run: PlantedRun) -> None:
    def move(document: dict[str, Any]) -> None:
        document["generations"]["3"] -= 1
        document["generations"]["2"] += 1

    run.edit_json(HOUSEHOLD_FIGURES, move)


@kind(13, "family_structure", *GRADED)
def composition_altered(run: PlantedRun) -> None:
    def move(document: dict[str, Any]) -> None:
        for row in run.pick(document["composition_by_size"]["rows"]):
            row[-1] += 1

    run.edit_json(HOUSEHOLD_FIGURES, move)


@kind(13, "family_structure")
def couples_of_one_sex_that_are_not_there(run: PlantedRun) -> None:
    def claim(document: dict[str, Any]) -> None:
        document["same_sex_couples"] += 1

    run.edit_json(HOUSEHOLD_FIGURES, claim)


@kind(13, "soft_targets")
def target_that_no_registry_has(run: PlantedRun) -> None:
    target = {"id": "zz.target", "measure": "mean_partner_gap", "types": [], "value": 3.0}
    target |= {"tolerance": 1.0, "observed": 3.0, "met": True}
    run.edit_json(HOUSEHOLD_FIGURES, lambda document: document["soft_targets"].append(target))


@kind(13, "soft_targets")
def missed_target_said_to_be_met(run: PlantedRun) -> None:
    """The observation of a target is moved to its value."""
    if not run.read_json(HOUSEHOLD_FIGURES)["soft_targets"]:
        raise NotApplicable("the registry has no target")

    def boast(document: dict[str, Any]) -> None:
        target = document["soft_targets"][0]
        target |= {"observed": target["value"], "met": True}

    run.edit_json(HOUSEHOLD_FIGURES, boast)
