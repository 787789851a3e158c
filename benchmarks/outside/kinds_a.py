"""Defects of the micro-data, written without knowledge of the checks (pre-registered, 45 kinds).

Persons, households, family nuclei and dwellings; their links, ages, zones, universes, words and joint
distributions. Each docstring states the claim that is violated. `@restated` kinds are those of a
builder: after the tables are damaged, every document is written anew from them by the builder's own
functions, so that documents and tables agree and only the claim itself is false. The others are those
of an exporter or editor, who changes a table and no document.

Claims come from the bundle's contract (BUNDLE.md), the pack in the run (country.yaml, controls.yaml,
attributes.yaml, priors.yaml), what the run states of itself, and plain demography.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import polars as pl

from planted.kinds import NotApplicable
from planted.kit import DWELLINGS, HOUSEHOLDS, PERSONS, PlantedRun

PACK = Path(__file__).parents[2] / "tests" / "packs" / "tiny"
SEED = 1
BODY = ["age", "bond", "work", "age_evidence"]
KINDS: list[Callable[[PlantedRun], None]] = []


# Documents that agree with the damaged tables


@lru_cache(maxsize=1)
def _population() -> Any:
    from synthestat.packs.pack import find_pack
    from synthestat.sources.snapshots import SnapshotStore
    from synthestat.story import build_population

    pack = find_pack(str(PACK))
    return build_population(pack, SnapshotStore(pack.snapshots), seed=SEED, workers=1)


def restate(run: PlantedRun) -> None:
    """Write every document anew from the tables as they are, as the builder would."""
    from synthestat.bundle.manifest import build_manifest, run_options
    from synthestat.bundle.notes import model_notes
    from synthestat.bundle.write import evidence_words, logged
    from synthestat.diagnostics.distributions import distribution_diagnostics
    from synthestat.diagnostics.dwellings import dwelling_diagnostics
    from synthestat.diagnostics.households import household_diagnostics
    from synthestat.diagnostics.residuals import residual_rows, residual_summary
    from synthestat.diagnostics.uncertainty import uncertainty
    from synthestat.diagnostics.zones import degraded_zones, quality_tiers

    population = _population()
    tables = {}
    for name, file in (("persons", PERSONS), ("households", HOUSEHOLDS), ("dwellings", DWELLINGS)):
        schema = pl.read_parquet_schema(run.origin / f"{file}.parquet")
        tables[name] = run.table(file).cast(dict(schema))
    before = run.read_json("build_manifest.json")
    order = ["synthetic_persons", "synthetic_households", "synthetic_dwellings"]
    order += [absent.layer for absent in population.pack.country.unavailable_layers]
    layers = {layer: before["layers"][layer] for layer in order}
    rows = residual_rows(population, tables)
    uncertain, summarised = uncertainty(population, tables, evidence_words(population))
    summarised["replicates"] = run.read_json("uncertainty_summary.json")["replicates"]
    run.write("constraint_residuals", rows)
    run.write("uncertainty", uncertain)
    summary = residual_summary(rows)
    households = household_diagnostics(population, tables["persons"], tables["households"])
    tiers = quality_tiers(population, tables["persons"], uncertain, layers)
    manifest = build_manifest(
        population,
        before["run_id"],
        before["times"],
        tables,
        before["table_digests"],
        layers,
        run_options(1),
    )
    manifest["zones_degraded"] = degraded_zones(tiers)
    manifest["engine"] = before["engine"]
    documents = {
        "build_manifest.json": manifest,
        "constraint_residuals.json": summary,
        "distribution_diagnostics.json": distribution_diagnostics(
            population, rows, tables["persons"], tables["households"]
        ),
        "household_diagnostics.json": households,
        "dwelling_building_diagnostics.json": dwelling_diagnostics(
            population.pack, tables["households"], tables["dwellings"]
        ),
        "geography_quality_tiers.json": tiers,
        "uncertainty_summary.json": summarised,
    }
    for file, document in documents.items():

        def replace(old: Any, new: Any = document) -> None:
            old.clear()
            old.update(new)

        run.edit_json(file, replace)
    limits = (PACK / "LIMITS.md").read_text(encoding="utf-8")
    relaxations = [logged(each) for each in population.controls.relaxations]
    notes = model_notes(manifest, summary, relaxations, households, rows, limits)
    run.put_bytes("model_notes.md", notes.encode())


def plain(plant: Callable[[PlantedRun], None]) -> Callable[[PlantedRun], None]:
    """Register a kind that leaves the documents alone."""
    KINDS.append(plant)
    return plant


def restated(plant: Callable[[PlantedRun], None]) -> Callable[[PlantedRun], None]:
    """Register a kind after which the documents are written anew."""

    @wraps(plant)
    def planted(run: PlantedRun) -> None:
        plant(run)
        restate(run)

    KINDS.append(planted)
    return planted


# Hands


def exchange(run: PlantedRun, pairs: Iterable[tuple[int, int]], columns: list[str]) -> None:
    """Let the persons of each pair exchange columns."""
    both = [*pairs]
    if not both:
        raise NotApplicable("nobody to exchange")
    told = [(a, b) for a, b in both] + [(b, a) for a, b in both]
    wanted = pl.DataFrame(told, schema=["person_id", "other"], orient="row")
    table = run.table(PERSONS).select(pl.col("person_id").alias("other"), *columns)
    rows = wanted.join(table, on="other").select("person_id", *columns)
    run.put_rows(PERSONS, "person_id", rows)


def tied(run: PlantedRun) -> set[int]:
    """Persons whom a partner or a child names."""
    people = run.table(PERSONS)
    links = [people[c] for c in ("partner_id", "mother_id", "father_id")]
    return set(pl.concat(links).drop_nulls().to_list())


def loose(run: PlantedRun) -> pl.DataFrame:
    """Enumerated persons who name nobody and whom nobody names."""
    return run.people(
        pl.col("universe") == "enumerated",
        pl.all_horizontal(pl.col("partner_id", "mother_id", "father_id").is_null()),
        ~pl.col("person_id").is_in([*tied(run)]),
    )


def ages(run: PlantedRun) -> dict[int, int]:
    people = run.table(PERSONS)
    return dict(zip(people["person_id"], people["age"], strict=True))


def one(rows: list[Any]) -> Any:
    if not rows:
        raise NotApplicable("there is no such row")
    return rows[len(rows) // 2]


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.rows(named=True)


def in_bands(age: int, mother: int | None, father: int | None) -> bool:
    """Whether a child of this age is within the declared ages of its parents at birth."""
    ok = mother is None or 15 <= mother - age <= 50
    return ok and (father is None or 15 <= father - age <= 70)


def minors(run: PlantedRun) -> list[dict[str, Any]]:
    """Enumerated children under 18 with a mother, and the ages of their parents."""
    by_id = ages(run)
    people = run.people(
        pl.col("universe") == "enumerated",
        pl.col("age") < 18,
        pl.col("mother_id").is_not_null(),
    )
    rows = rows_of(people)
    for row in rows:
        row["mother"], row["father"] = by_id[row["mother_id"]], by_id.get(row["father_id"])
    return rows


def trade(run: PlantedRun, rows: list[dict[str, Any]], pairs: list[tuple[int, int]]) -> None:
    """Exchange age, bond and work of children step by step: pairs are indices into rows, in order."""
    stands = list(range(len(rows)))
    for a, b in pairs:
        stands[a], stands[b] = stands[b], stands[a]
    table = run.table(PERSONS).select(pl.col("person_id").alias("other"), *BODY)
    moved = [(rows[at]["person_id"], rows[of]["person_id"]) for at, of in enumerate(stands)]
    told = pl.DataFrame([m for m in moved if m[0] != m[1]], ["person_id", "other"], orient="row")
    rows_ = told.join(table, on="other").select("person_id", *BODY)
    run.put_rows(PERSONS, "person_id", rows_)


# Ages and sexes


@plain
def older_than_the_oldest(run: PlantedRun) -> None:
    """country.yaml: ages end at `oldest: 95`; one unrelated person is 96 (75+ stays exact, and the
    documents, whose open group is 95+, are those of a person of 95)."""
    old = run.take(loose(run).filter(pl.col("age") >= 75))["person_id"]
    run.put(PERSONS, "person_id", old, age=95)
    restate(run)
    run.put(PERSONS, "person_id", old, age=96)


@restated
def open_class_heaped(run: PlantedRun) -> None:
    """zz.oldest_ages splits the open class 75+ over single years; here almost all of it is 75."""
    by_id, least = ages(run), defaultdict(lambda: 200)
    for link in ("mother_id", "father_id"):
        for row in rows_of(run.people(pl.col(link).is_not_null())):
            least[row[link]] = min(least[row[link]], 75 - row["age"])
    people = run.people(pl.col("age") > 75, pl.col("universe") == "enumerated")["person_id"]
    ids = [i for i in people if least[i] >= 15 and by_id[i] > 75]
    if len(ids) < 40:
        raise NotApplicable("too few in the open class")
    run.put(PERSONS, "person_id", ids, age=75)


@restated
def old_women_turned_into_men(run: PlantedRun) -> None:
    """zz.sex_ratio: fewer men than women at old ages; women of 60 and more exchange sex with boys."""
    known = tied(run)
    pairs = []
    women = run.people(
        pl.col("sex") == "female", pl.col("age") >= 60, pl.col("universe") == "enumerated"
    ).filter(~pl.col("person_id").is_in([*known]))
    boys = run.people(
        pl.col("sex") == "male", pl.col("age") < 15, pl.col("universe") == "enumerated"
    )
    left: dict[Any, list[int]] = defaultdict(list)
    for row in rows_of(boys):
        left[row["zone_code"], row["language"]].append(row["person_id"])
    for row in rows_of(women):
        free = left[row["zone_code"], row["language"]]
        if free:
            pairs.append((row["person_id"], free.pop()))
    if len(pairs) < 20:
        raise NotApplicable("too few women")
    exchange(run, pairs, ["sex"])


@restated
def estimated_residents_all_male(run: PlantedRun) -> None:
    """zz.sex_ratio near 1 holds for estimated residents too; all who need not be women are men."""
    people = run.people(pl.col("universe") == "estimated", pl.col("partner_id").is_null())
    mothers = run.table(PERSONS)["mother_id"].drop_nulls().to_list()
    ids = people.filter(~pl.col("person_id").is_in(mothers))["person_id"]
    run.put(PERSONS, "person_id", ids, sex="male")


# Families: links that stay within every band of age


@restated
def borne_by_the_grandmother(run: PlantedRun) -> None:
    """A grandchild of the head is a child of the head's child; its mother is the head's own wife or
    the head herself, and its father her son."""
    by_id = ages(run)
    people = run.table(PERSONS)
    mother_of = dict(zip(people["person_id"], people["mother_id"], strict=True))
    found = []
    for row in rows_of(run.people(pl.col("household_role") == "grandchild")):
        grandmother = mother_of.get(row["father_id"])
        if grandmother and 15 <= by_id[grandmother] - row["age"] <= 50:
            found.append((row["person_id"], grandmother))
    child, grandmother = one(found)
    run.put(PERSONS, "person_id", child, mother_id=grandmother)


@restated
def fathered_by_the_grandfather(run: PlantedRun) -> None:
    """A child of the head and partner has the head as father, not the head's own father who lives
    with them."""
    by_id = ages(run)
    people = run.table(PERSONS)
    father_of = dict(zip(people["person_id"], people["father_id"], strict=True))
    found = []
    for row in rows_of(run.people(pl.col("household_role") == "child")):
        if row["mother_id"] is None or row["father_id"] is None:
            continue
        for parent in (row["father_id"], row["mother_id"]):
            old = father_of.get(parent)
            if old and 15 <= by_id[old] - row["age"] <= 70:
                found.append((row["person_id"], old))
    child, old = one(found)
    run.put(PERSONS, "person_id", child, father_id=old)


@restated
def partners_share_a_mother(run: PlantedRun) -> None:
    """Partners are no siblings: the head's partner names the head's mother as her or his own."""
    by_id = ages(run)
    people = run.table(PERSONS)
    mother_of = dict(zip(people["person_id"], people["mother_id"], strict=True))
    found = []
    for row in rows_of(run.people(pl.col("household_role") == "partner")):
        mother = mother_of[row["partner_id"]]
        bare = row["mother_id"] is None and row["father_id"] is None
        if mother and bare and 15 <= by_id[mother] - row["age"] <= 50:
            found.append((row["person_id"], mother))
    person, mother = one(found)
    run.put(PERSONS, "person_id", person, mother_id=mother)


@restated
def mother_and_son_a_couple(run: PlantedRun) -> None:
    """Nobody is the partner of an own child: a lone mother and her grown son are made a couple,
    alike in links, roles and type, and remain mother and son."""
    by_id = ages(run)
    types = run.table(HOUSEHOLDS).select("household_id", "household_type", "size")
    sons = run.people(
        pl.col("household_role") == "child",
        pl.col("sex") == "male",
        pl.col("age") >= 18,
        pl.col("universe") == "enumerated",
    ).join(types, on="household_id")
    lone = sons.filter(pl.col("household_type") == "lone_mother").sort("size", descending=True)
    found = [r for r in rows_of(lone) if by_id[r["mother_id"]] - r["age"] <= 20][-1:]
    son = one(found)
    run.put(
        PERSONS,
        "person_id",
        son["person_id"],
        household_role="partner",
        partner_id=son["mother_id"],
    )
    run.put(PERSONS, "person_id", son["mother_id"], partner_id=son["person_id"])
    kind = "couple_without_children" if son["size"] == 2 else "couple_with_children"
    run.put(HOUSEHOLDS, "household_id", son["household_id"], household_type=kind)


@restated
def couples_inverted(run: PlantedRun) -> None:
    """zz.partner_age_gap: the man is 2 years older in the mean; men and women of couples change
    places (and mother and father of their children), so that he is younger."""
    by_id = ages(run)
    people = run.table(PERSONS)
    whole = {row["person_id"]: row for row in rows_of(people)}
    children: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(people.filter(pl.col("mother_id").is_not_null())):
        children[row["mother_id"]].append(row)
    pairs, swapped = [], []
    for row in rows_of(run.people(pl.col("sex") == "female", pl.col("partner_id").is_not_null())):
        man = whole[row["partner_id"]]
        own = children[row["person_id"]]
        if man["age"] - row["age"] > 20 or man["language"] != row["language"]:
            continue
        if all(in_bands(c["age"], by_id[man["person_id"]], row["age"]) for c in own):
            pairs.append((row["person_id"], man["person_id"]))
            swapped += own
    if len(pairs) < 300:
        raise NotApplicable("too few couples")
    exchange(run, pairs, ["sex"])
    told = pl.DataFrame(
        [(c["person_id"], c["father_id"], c["mother_id"]) for c in swapped],
        ["person_id", "mother_id", "father_id"],
        orient="row",
    )
    run.put_rows(PERSONS, "person_id", told)


@restated
def child_and_child_in_law_exchanged(run: PlantedRun) -> None:
    """Role child is a child of the head, child_in_law its partner; a couple's two roles are
    exchanged, their links are not."""
    pair = run.take(
        run.people(pl.col("household_role") == "child_in_law", pl.col("universe") == "enumerated")
    )
    exchange(run, [(pair["person_id"][0], pair["partner_id"][0])], ["household_role"])


@restated
def parent_of_nobody(run: PlantedRun) -> None:
    """Role parent is the mother or father of the head or partner; here neither names her."""
    mothers = run.people(pl.col("household_role") == "parent", pl.col("partner_id").is_null())
    heads = run.people(
        pl.col("household_role") == "reference",
        pl.col("partner_id").is_not_null(),
        pl.col("mother_id").is_in(mothers["person_id"].to_list()),
        pl.col("father_id").is_null(),
    )
    run.put(PERSONS, "person_id", run.take(heads)["person_id"], mother_id=None)


@restated
def sibling_two_generations_away(run: PlantedRun) -> None:
    """Siblings share a mother (15 to 50 at birth) or a father (15 to 70): at most 55 years apart;
    here the head's sibling is more, by exchange of age with somebody unrelated elsewhere."""
    heads = run.people(pl.col("household_role") == "reference").select(
        "household_id", head=pl.col("age")
    )
    free = loose(run)
    siblings = free.filter(pl.col("household_role") == "sibling").join(heads, on="household_id")
    others = free.filter(
        pl.col("household_role").is_in(["other_relative", "non_relative"])
        | (pl.col("household_role") == "reference")
    )
    found = [
        (a["person_id"], b["person_id"])
        for a in rows_of(siblings)
        for b in rows_of(others)
        if a["zone_code"] == b["zone_code"]
        and a["household_id"] != b["household_id"]
        and abs(a["head"] - b["age"]) > 55
        and (b["household_role"] != "reference" or a["age"] >= 18)
    ]
    exchange(run, [one(found)], BODY)


@restated
def grandchild_of_the_heads_age(run: PlantedRun) -> None:
    """A grandchild is two births away from the head, 30 years at least by the declared ages at
    birth; here fewer than 20, by exchange of age with somebody unrelated elsewhere."""
    heads = run.people(pl.col("household_role") == "reference").select(
        "household_id", head=pl.col("age")
    )
    free = loose(run)
    young = free.filter(pl.col("household_role") == "grandchild").join(heads, on="household_id")
    others = free.filter(pl.col("household_role").is_in(["other_relative", "non_relative"]))
    found = [
        (a["person_id"], b["person_id"])
        for a in rows_of(young)
        for b in rows_of(others)
        if a["zone_code"] == b["zone_code"]
        and a["household_id"] != b["household_id"]
        and 0 <= a["head"] - b["age"] < 20
    ]
    exchange(run, [one(found)], BODY)


@restated
def sextuplets(run: PlantedRun) -> None:
    """zz.sibling_spacing: births in one year are rare; five or more children of one mother are of
    one age, by exchanges of age between children of the zone."""
    rows = minors(run)
    of: dict[int, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        of[row["mother_id"]].append(at)
    for mine in sorted(of.values(), key=len, reverse=True):
        if len(mine) < 5:
            break
        for age in range(18):
            pairs = []
            used: set[int] = set()
            for at in mine:
                if rows[at]["age"] == age:
                    continue
                for other, row in enumerate(rows):
                    if (
                        other not in used
                        and other not in mine
                        and row["age"] == age
                        and row["zone_code"] == rows[at]["zone_code"]
                        and in_bands(age, rows[at]["mother"], rows[at]["father"])
                        and in_bands(rows[at]["age"], row["mother"], row["father"])
                    ):
                        used.add(other)
                        pairs.append((at, other))
                        break
                else:
                    break
            if pairs and len(pairs) + sum(rows[at]["age"] == age for at in mine) == len(mine):
                trade(run, rows, pairs)
                return
    raise NotApplicable("no such family")


@restated
def twins_everywhere(run: PlantedRun) -> None:
    """zz.sibling_spacing gives twins 3 % of the weight of siblings two years apart; a large part of
    all siblings under 18 are made twins by exchanges of age within the zone."""
    rows = minors(run)
    stand = [row["age"] for row in rows]
    of: dict[int, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        of[row["mother_id"]].append(at)
    kept: set[int] = set()
    pairs, made = [], 0
    for mine in of.values():
        if len(mine) < 2 or kept & {*mine}:
            continue
        first, second = mine[:2]
        for other, row in enumerate(rows):
            if (
                other not in kept
                and other not in mine
                and stand[other] == stand[first]
                and row["zone_code"] == rows[first]["zone_code"]
                and in_bands(stand[first], rows[second]["mother"], rows[second]["father"])
                and in_bands(stand[second], row["mother"], row["father"])
            ):
                pairs.append((second, other))
                stand[second], stand[other] = stand[other], stand[second]
                kept |= {first, second}
                made += 1
                break
    if made < 100:
        raise NotApplicable(f"only {made} twins")
    trade(run, rows, pairs)


@restated
def mothers_too_young_or_too_old(run: PlantedRun) -> None:
    """zz.mother_child_gap: 27 years, scale 5; ages of minor children are exchanged within zones,
    inside every band, such that gaps spread as far as they can."""
    rows = minors(run)
    stand = [row["age"] for row in rows]
    by_zone: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        by_zone[row["zone_code"]].append(at)
    draw = random.Random(1)
    pairs = []
    for mine in by_zone.values():
        for _ in range(200 * len(mine)):
            a, b = draw.sample(mine, 2)
            if stand[a] == stand[b]:
                continue
            before = sum((rows[at]["mother"] - stand[at] - 29) ** 2 for at in (a, b))
            after = (rows[a]["mother"] - stand[b] - 29) ** 2
            after += (rows[b]["mother"] - stand[a] - 29) ** 2
            if (
                after > before
                and in_bands(stand[b], rows[a]["mother"], rows[a]["father"])
                and in_bands(stand[a], rows[b]["mother"], rows[b]["father"])
            ):
                stand[a], stand[b] = stand[b], stand[a]
                pairs.append((a, b))
    trade(run, rows, pairs)


# Types, family status, heads


def _exchange_types(run: PlantedRun, one_type: str, other: str, size: int) -> None:
    homes = run.homes().filter(pl.col("size") == size)
    found = [
        (a, b)
        for a in rows_of(homes.filter(pl.col("household_type") == one_type))
        for b in rows_of(homes.filter(pl.col("household_type") == other))
        if a["zone_code"] == b["zone_code"]
    ]
    a, b = one(found)
    run.put(HOUSEHOLDS, "household_id", a["household_id"], household_type=other)
    run.put(HOUSEHOLDS, "household_id", b["household_id"], household_type=one_type)


@restated
def lone_mother_called_lone_father(run: PlantedRun) -> None:
    """household_type says who lives there; a lone mother's and a lone father's type, of one zone
    and size, are exchanged (every count of types stays)."""
    _exchange_types(run, "lone_mother", "lone_father", 2)


@restated
def extended_called_nuclear(run: PlantedRun) -> None:
    """The same for an extended household and a couple with children of four."""
    _exchange_types(run, "extended", "couple_with_children", 4)


@restated
def nucleus_exchanged(run: PlantedRun) -> None:
    """family_status: a child of the head stands in a nucleus, the head's sibling who names nobody in
    none; exchanged between two of one zone and sex."""
    children = run.people(pl.col("household_role") == "child", pl.col("universe") == "enumerated")
    siblings = loose(run).filter(pl.col("household_role") == "sibling")
    found = [
        (a["person_id"], b["person_id"])
        for b in rows_of(siblings)
        for a in rows_of(children.filter(pl.col("zone_code") == b["zone_code"]).head(50))
        if a["sex"] == b["sex"]
    ]
    exchange(run, [one(found)], ["family_status"])


@restated
def head_is_the_grown_child(run: PlantedRun) -> None:
    """Roles are towards the reference person: a grown child becomes head (in both tables), the
    former head a child, and everybody's links and the other parent's role `partner` stay."""
    types = run.homes_of("couple_with_children").select("household_id", "reference_person_id")
    grown = run.people(pl.col("household_role") == "child", pl.col("age") >= 18).join(
        types, on="household_id"
    )
    child = rows_of(run.take(grown))[0]
    exchange(run, [(child["person_id"], child["reference_person_id"])], ["household_role"])
    run.put(
        HOUSEHOLDS,
        "household_id",
        child["household_id"],
        reference_person_id=child["person_id"],
    )


# Zones, universes, dwellings


@restated
def singles_moved_without_their_dwellings(run: PlantedRun) -> None:
    """A household lives in the zone of its dwelling: two persons alone, alike in all that is
    published, exchange zones in both tables; their dwellings stay where they are."""
    homes = run.homes_of("single").select("household_id", "dwelling_id")
    alone = run.people(pl.col("universe") == "enumerated").join(homes, on="household_id")
    same = ["age", "sex", "language", "faith"]
    found = [
        (a, b)
        for a in rows_of(alone)
        for b in rows_of(alone)
        if a["zone_code"] < b["zone_code"] and all(a[c] == b[c] for c in same)
    ]
    a, b = one(found)
    for table, key in ((PERSONS, "person_id"), (HOUSEHOLDS, "household_id")):
        run.put(table, key, a[key], zone_code=b["zone_code"])
        run.put(table, key, b[key], zone_code=a["zone_code"])


@restated
def universes_of_households_exchanged(run: PlantedRun) -> None:
    """A household is of its members' universe: an enumerated and an estimated one of one zone and
    size exchange the word in the table of households."""
    homes = run.table(HOUSEHOLDS)
    found = [
        (a["household_id"], b["household_id"])
        for a in rows_of(homes.filter(pl.col("universe") == "estimated"))
        for b in rows_of(homes.filter(pl.col("universe") == "enumerated"))
        if a["zone_code"] == b["zone_code"] and a["size"] == b["size"]
    ]
    a, b = one(found)
    run.put(HOUSEHOLDS, "household_id", a, universe="enumerated")
    run.put(HOUSEHOLDS, "household_id", b, universe="estimated")


@restated
def universes_of_persons_exchanged(run: PlantedRun) -> None:
    """The same for two persons of one zone, age and sex, with all attributes and their evidence:
    every count stays, but each lives in a household of the other universe."""
    people = run.table(PERSONS)
    moved = ["universe"] + [
        f"{name}{end}"
        for name in ("language", "faith", "bond", "work")
        for end in ("", "_evidence")
    ]
    moved += ["age_evidence", "sex_evidence"]
    found = [
        (a["person_id"], b["person_id"])
        for a in rows_of(people.filter(pl.col("universe") == "estimated"))
        for b in rows_of(people.filter(pl.col("universe") == "enumerated"))
        if all(a[c] == b[c] for c in ("zone_code", "age", "sex", "household_role"))
    ]
    exchange(run, [one(found)], moved)


@restated
def estimated_household_in_a_dwelling(run: PlantedRun) -> None:
    """The dwelling tables cover only enumerated residents (country.yaml, LIMITS.md: dwelling
    unknown); an estimated household shares an enumerated one's dwelling."""
    guest = run.take(run.table(HOUSEHOLDS).filter(pl.col("universe") == "estimated"))
    zone = guest["zone_code"][0]
    host = run.take(run.housed().filter(pl.col("zone_code") == zone))
    dwelling = host["dwelling_id"][0]
    run.put(HOUSEHOLDS, "household_id", guest["household_id"], dwelling_id=dwelling)
    told = [host["household_id"][0], guest["household_id"][0]]
    _fill(run, {dwelling: told})


def _fill(run: PlantedRun, held: dict[int, list[int]]) -> None:
    """Let dwellings hold these households, with count and occupancy to match."""
    rows = pl.DataFrame(
        {
            "dwelling_id": [*held],
            "household_ids": [*held.values()],
            "household_count": [len(v) for v in held.values()],
            "occupancy": ["occupied" if v else "secondary_or_unresolved" for v in held.values()],
        },
        schema_overrides={"household_ids": pl.List(pl.Int64)},
    )
    run.put_rows(DWELLINGS, "dwelling_id", rows)


@restated
def household_without_a_dwelling(run: PlantedRun) -> None:
    """Every household of the published universe lives in an occupied dwelling; one has none, and
    its dwelling stands as secondary_or_unresolved."""
    home = run.take(run.housed().filter(pl.col("zone_code") == "01"))
    run.put(HOUSEHOLDS, "household_id", home["household_id"], dwelling_id=None)
    _fill(run, {home["dwelling_id"][0]: []})


@restated
def sharing_beside_a_free_dwelling(run: PlantedRun) -> None:
    """Households share only beyond the occupied dwellings; two large ones share while a dwelling
    of the zone stands as secondary_or_unresolved."""
    homes = run.housed().filter(pl.col("zone_code") == "01", pl.col("size") >= 7)
    a, b = rows_of(homes)[:2]
    run.put(HOUSEHOLDS, "household_id", b["household_id"], dwelling_id=a["dwelling_id"])
    _fill(
        run,
        {a["dwelling_id"]: [a["household_id"], b["household_id"]], b["dwelling_id"]: []},
    )


@plain
def dwelling_type_out_of_nowhere(run: PlantedRun) -> None:
    """dwelling_type is `unavailable` in the run's own evidence words; one dwelling is a flat."""
    row = run.take(run.table(DWELLINGS))
    run.put(DWELLINGS, "dwelling_id", row["dwelling_id"], dwelling_type="flat")


@plain
def household_listed_twice(run: PlantedRun) -> None:
    """household_ids lists the households of a dwelling; one is listed twice (count stays 1)."""
    row = run.take(run.table(DWELLINGS).filter(pl.col("household_count") == 1))
    held = row["household_ids"][0].to_list()
    rows = pl.DataFrame({"dwelling_id": row["dwelling_id"], "household_ids": [held * 2]})
    run.put_rows(DWELLINGS, "dwelling_id", rows)


# Types of columns, nulls, words


@plain
def partner_ids_as_floats(run: PlantedRun) -> None:
    """A link is null where there is none: a careless exporter writes floats and NaN."""
    run.change(
        PERSONS,
        lambda table: table.with_columns(
            pl.col("partner_id").cast(pl.Float64).fill_null(float("nan"))
        ),
    )


@plain
def dwelling_minus_one(run: PlantedRun) -> None:
    """dwelling_id of an estimated household is unknown, so null; one says -1."""
    row = run.take(run.table(HOUSEHOLDS).filter(pl.col("universe") == "estimated"))
    run.put(HOUSEHOLDS, "household_id", row["household_id"], dwelling_id=-1)


@plain
def zones_as_numbers(run: PlantedRun) -> None:
    """Codes with leading zeros stay text: zone_code is a whole number in all three tables."""
    for name in (PERSONS, HOUSEHOLDS, DWELLINGS):
        run.change(name, lambda table: table.with_columns(pl.col("zone_code").cast(pl.Int64)))


@restated
def bond_missing(run: PlantedRun) -> None:
    """bond is an attribute of every enumerated resident; one, beside the word modelled, has none."""
    row = run.take(run.people(pl.col("bond") == "Free", pl.col("age") < 18))
    run.put(PERSONS, "person_id", row["person_id"], bond=None)


@plain
def faith_none_read_as_missing(run: PlantedRun) -> None:
    """`None` is a category of faith; a careless reader made it a null everywhere."""
    ids = run.people(pl.col("faith") == "None")["person_id"]
    run.put(PERSONS, "person_id", ids, faith=None)


@plain
def bond_in_lower_case(run: PlantedRun) -> None:
    """classifications: bond is Free, Wed or Widowed; one row says `wed`."""
    row = run.take(run.people(pl.col("bond") == "Wed"))
    run.put(PERSONS, "person_id", row["person_id"], bond="wed")


@restated
def language_of_an_estimated_resident(run: PlantedRun) -> None:
    """LIMITS.md and the universe of the attribute: language of estimated residents is unknown; one
    has a language, called modelled."""
    row = run.take(run.people(pl.col("universe") == "estimated"))
    run.put(PERSONS, "person_id", row["person_id"], language="Plain", language_evidence="modelled")


@restated
def evidence_of_ages_exchanged(run: PlantedRun) -> None:
    """A single age inside the open class is modelled, one below it constrained: a person of 75+ and
    one under 75 of one zone exchange the words."""
    old = run.people(pl.col("age") >= 75, pl.col("universe") == "enumerated")
    row = rows_of(run.take(old))[0]
    young = run.people(
        pl.col("zone_code") == row["zone_code"],
        pl.col("age") == 40,
        pl.col("universe") == "enumerated",
    )
    exchange(run, [(row["person_id"], young["person_id"][0])], ["age_evidence"])


# Joint distributions of attributes


@restated
def faith_blind_to_language(run: PlantedRun) -> None:
    """attributes.yaml: faith is drawn with the odds zz.faith_by_language; whole households of one
    zone and size exchange faiths at random, so that no association is left but every table holds."""
    draw = random.Random(2)
    homes = run.homes().select("household_id", "zone_code", "size").sort("household_id")
    members: dict[int, list[int]] = defaultdict(list)
    for row in rows_of(run.table(PERSONS).sort("household_id", "person_id")):
        members[row["household_id"]].append(row["person_id"])
    groups: dict[Any, list[int]] = defaultdict(list)
    for row in rows_of(homes):
        groups[row["zone_code"], row["size"]].append(row["household_id"])
    moved = []
    for mine in groups.values():
        other = mine[:]
        draw.shuffle(other)
        for a, b in zip(mine, other, strict=True):
            moved += zip(members[a], members[b], strict=True)
    _permute(run, moved, ["faith"])


def _permute(run: PlantedRun, moved: list[tuple[int, int]], columns: list[str]) -> None:
    """Let each person take columns of another: (person, whose)."""
    told = pl.DataFrame(moved, ["person_id", "other"], orient="row")
    table = run.table(PERSONS).select(pl.col("person_id").alias("other"), *columns)
    rows = told.join(table, on="other").select("person_id", *columns)
    run.put_rows(PERSONS, "person_id", rows)


def _exchange_one(
    run: PlantedRun, first: pl.DataFrame, second: pl.DataFrame, column: str, same: list[str]
) -> None:
    """Exchange a column between one row of each, alike in some columns."""
    found = [
        (a["person_id"], b["person_id"])
        for a in rows_of(first.head(200))
        for b in rows_of(second)
        if all(a[c] == b[c] for c in same)
    ]
    exchange(run, [one(found)], [column])


@restated
def widowed_in_the_twenties(run: PlantedRun) -> None:
    """zz.bond_by_age: the odds of Widowed are zero until 30, which is structural; one person of 20
    to 29 is, by exchange with an older one of the zone and sex."""
    _exchange_one(
        run,
        run.people(pl.col("bond") == "Widowed", pl.col("partner_id").is_null()),
        run.people(
            pl.col("bond") == "Free",
            pl.col("age").is_between(20, 29),
            pl.col("work") != "School",
            pl.col("partner_id").is_null(),
        ),
        "bond",
        ["zone_code", "sex"],
    )


@restated
def married_pupil(run: PlantedRun) -> None:
    """zz.work_by_bond gives Wed no odds of School; one of 18 to 30 is both, by exchange of work with
    a pupil of the zone and age."""
    _exchange_one(
        run,
        run.people(pl.col("bond") == "Wed", pl.col("age") <= 29),
        run.people(pl.col("work") == "School", pl.col("age") >= 18),
        "work",
        ["zone_code", "age"],
    )


@restated
def child_in_the_fields(run: PlantedRun) -> None:
    """zz.work_by_age: the odds of Fields are zero until 13, which is structural; a child under 10
    works there, by exchange with an older person of the zone."""
    _exchange_one(
        run,
        run.people(pl.col("work") == "Mill", pl.col("age") < 10),
        run.people(pl.col("work") == "Fields", pl.col("bond") == "Free"),
        "work",
        ["zone_code", "sex"],
    )


@restated
def bonds_against_the_couples(run: PlantedRun) -> None:
    """attributes.yaml: bond stands by couples (`household: partners`, alike: Wed); within zone and
    sex those over 30 exchange bonds such that partners are not Wed and persons alone are."""
    people = run.people(
        pl.col("universe") == "enumerated", pl.col("age") > 33, pl.col("work") != "School"
    )
    moved = []
    for _, group in people.group_by("zone_code", "sex", maintain_order=True):
        want = group.sort(pl.col("partner_id").is_not_null(), "person_id")["person_id"].to_list()
        give = group.sort(pl.col("bond") != "Wed", "person_id")["person_id"].to_list()
        moved += zip(want, give, strict=True)
    _permute(run, moved, ["bond"])


@restated
def languages_shuffled_over_households(run: PlantedRun) -> None:
    """language and faith are shared in households (99 % of partners agree in the good run, method
    `shared`); within zone and sex both are shuffled together, every table stays exact."""
    draw = random.Random(3)
    moved = []
    people = run.people(pl.col("universe") == "enumerated").sort("person_id")
    for _, group in people.group_by("zone_code", "sex", maintain_order=True):
        own = group["person_id"].to_list()
        other = own[:]
        draw.shuffle(other)
        moved += zip(own, other, strict=True)
    _permute(run, moved, ["language", "faith"])


@restated
def children_at_the_mill(run: PlantedRun) -> None:
    """zz.work_by_age and zz.work_by_bond: children go to School ten to one; as many as the zone's
    older unmarried can replace work at the Mill, while those go to School."""
    pairs = []
    older = run.people(
        pl.col("work") == "Mill", pl.col("bond") == "Free", pl.col("age").is_between(14, 30)
    )
    left: dict[str, list[int]] = defaultdict(list)
    children = run.people(pl.col("work") == "School", pl.col("age").is_between(5, 12))
    for row in rows_of(children):
        left[row["zone_code"]].append(row["person_id"])
    for row in rows_of(older):
        if left[row["zone_code"]]:
            pairs.append((row["person_id"], left[row["zone_code"]].pop()))
    if len(pairs) < 100:
        raise NotApplicable(f"only {len(pairs)}")
    exchange(run, pairs, ["work"])


# Institutions


@restated
def care_home_in_a_private_household(run: PlantedRun) -> None:
    """institution is the kind of an institutional household; a private one says care_home."""
    home = run.take(run.homes_of("single"))
    run.put(HOUSEHOLDS, "household_id", home["household_id"], institution="care_home")


@restated
def institutional_role_at_home(run: PlantedRun) -> None:
    """country.yaml, out of scope: every resident stands in a private household; a non-relative in
    one has the role institutional."""
    row = run.take(run.people(pl.col("household_role") == "non_relative"))
    run.put(PERSONS, "person_id", row["person_id"], household_role="institutional")
