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

LIMITS = "pack/LIMITS.md"


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


# Notes, line by line ------------------------------------------------------------------------------


@kind(13, "notes_figures", *GRADED)
def limits_untold_in_the_notes(run: PlantedRun) -> None:
    """Lines of LIMITS.md that the notes leave out."""
    limits = run.path(LIMITS).read_text(encoding="utf-8").strip().split("\n")
    gone = run.pick([line for line in limits if line.strip()])

    def leave_out(text: str) -> str:
        head, own, tail = text.rpartition("\n".join(limits))
        assert own
        return head + "\n".join(line for line in limits if line not in gone) + tail

    run.edit_text(NOTES, leave_out)


@kind(13, "notes_figures")
def line_of_the_notes_that_nothing_supports(run: PlantedRun) -> None:
    line = "\n\nAll figures are measured.\n\n## Constraints"
    run.edit_text(NOTES, lambda text: text.replace("\n\n## Constraints", line, 1))


@kind(13, "notes_figures")
def figure_that_no_run_states(run: PlantedRun) -> None:
    line = "| `persons` |"
    run.edit_text(NOTES, lambda text: text.replace(line, "| `accuracy` | 100 |\n" + line, 1))


# Households ---------------------------------------------------------------------------------------


@kind(13, "family_structure")
def children_of_another_age(run: PlantedRun) -> None:
    """The composition counts children below an age that it does not state."""

    def age(document: dict[str, Any]) -> None:
        document["composition_by_size"]["children_below"] -= 1

    run.edit_json(HOUSEHOLD_FIGURES, age)


@kind(13, "family_structure", *GRADED)
def kernel_a_year_off(run: PlantedRun) -> None:
    """Densities of some years of the mothers' kernel are those of the year before."""

    def move(document: dict[str, Any]) -> None:
        density = document["gaps"]["mother_child"]["kernel"]["density"]
        before = dict(density)
        for year in run.pick([y for y in before if str(int(y) - 1) in before]):
            density[year] = before[str(int(year) - 1)]

    run.edit_json(HOUSEHOLD_FIGURES, move)


@kind(13, "family_structure")
def kernel_of_another_entry(run: PlantedRun) -> None:
    def call(document: dict[str, Any]) -> None:
        document["gaps"]["partner"]["kernel"]["entry"] += ".other"

    run.edit_json(HOUSEHOLD_FIGURES, call)


@kind(13, "household_summary")
def exchange_settled_where_it_was_not(run: PlantedRun) -> None:
    """The share of settled exchanges is not that of the records beside it."""

    def settle(document: dict[str, Any]) -> None:
        summary = document["refinement_summary"]
        share = summary["settled_share"]
        summary["settled_share"] = 1.0 if share < 1.0 else 0.5

    run.edit_json(HOUSEHOLD_FIGURES, settle)


@kind(13, "household_summary", *GRADED)
def record_called_settled_at_its_last_sweep(run: PlantedRun) -> None:
    def settle(document: dict[str, Any]) -> None:
        records = [r for zone in document["refinement"].values() for r in zone.values()]
        for record in run.pick(records):
            record["settled"] = not record["settled"]

    run.edit_json(HOUSEHOLD_FIGURES, settle)


GAP_FIGURES = ("mean", "sd", "over_10_share", "q01", "q50", "q99")


def widen(key: str) -> Plant:
    """Let a figure of the partners' gaps be larger than it is."""

    def plant(run: PlantedRun) -> None:
        def edit(document: dict[str, Any]) -> None:
            document["partner_gap_years"][key] += 0.001 if key == "over_10_share" else 1

        run.edit_json(HOUSEHOLD_FIGURES, edit)

    return plant


for each in GAP_FIGURES:
    kind(13, "household_summary", name=f"partner_gaps_of_another_{each}")(widen(each))


@kind(13, "household_summary", *GRADED)
def sizes_of_types_altered(run: PlantedRun) -> None:
    def add(document: dict[str, Any]) -> None:
        by_size = document["size_by_type"]
        for size, word in run.pick([(s, t) for s, types in by_size.items() for t in types]):
            by_size[size][word] += 1

    run.edit_json(HOUSEHOLD_FIGURES, add)


@kind(13, "household_summary", *GRADED)
def fewer_who_live_alone(run: PlantedRun) -> None:
    """Shares of residents who live alone, in some groups of sex and age, are halved."""

    def halve(document: dict[str, Any]) -> None:
        shares = document["living_alone_by_age_and_sex"]
        known = [(sex, age) for sex, ages in shares.items() for age in ages if ages[age] > 0]
        for sex, age in run.pick(known):
            shares[sex][age] /= 2

    run.edit_json(HOUSEHOLD_FIGURES, halve)


@kind(13, "household_summary")
def larger_households_declared(run: PlantedRun) -> None:
    def declare(document: dict[str, Any]) -> None:
        document["declared_largest"] += 5

    run.edit_json(HOUSEHOLD_FIGURES, declare)
