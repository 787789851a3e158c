"""Every question of the review, in the order in which it is asked.

Findings are numbered as in the list of defects that a population review must catch: each was found
in a country build of some earlier system. A threshold says what must hold and where that comes
from.
"""

from __future__ import annotations

from synthestat.review import (
    assignments,
    attributes,
    buildings,
    controls,
    evidence,
    files,
    geography,
    honesty,
    households,
    identity,
    links,
    overlays,
    privacy,
    relaxations,
    roles,
    tiers,
    universes,
)
from synthestat.review.declared import DECLARED
from synthestat.review.document_questions import DOCUMENT_QUESTIONS
from synthestat.review.question_words import (
    ASSIGNMENT,
    ATTRIBUTES,
    BUILDINGS,
    CONTROLS,
    COUNTRY,
    DEFAULTS,
    DWELLINGS,
    EXACT,
    HOUSEHOLDS,
    INTERVALS,
    MANIFEST,
    NOTES,
    OVERLAYS,
    PERSONS,
    PLACES,
    PRIORS,
    REBUILD,
    RECOUNT,
    RELAXED,
    RESIDUALS,
    RESTORE,
    REWRITE,
    SOURCES,
    SUMMARY,
    TIERS,
    ZONES,
)
from synthestat.review.record import Question

# fmt: off
QUESTIONS: tuple[Question, ...] = (
    # The files
    Question(
        "checksums", "files", 21, (files.CHECKSUMS,),
        "each file listed once with the SHA-256 of its bytes: the contract", RESTORE,
        files.checksums,
    ),
    Question(
        "table_digests", "files", 21, (MANIFEST,),
        "content digests as in the manifest: the contract", RESTORE,
        files.table_digests,
    ),
    Question(
        "layers", "files", 26, (MANIFEST, COUNTRY, CONTROLS),
        "exactly one of table and marker for each of six layers: the contract; markers say what "
        "country.yaml says under unavailable_layers", REBUILD,
        files.layers,
    ),
    Question(
        "table_columns", "files", None,
        (PERSONS, HOUSEHOLDS, DWELLINGS, BUILDINGS, OVERLAYS, PLACES, COUNTRY),
        "the columns of the contract and those that the pack declares", REBUILD,
        files.table_columns,
    ),
    Question(
        "closed_words", "files", None,
        (PERSONS, HOUSEHOLDS, DWELLINGS, BUILDINGS, OVERLAYS, PLACES, COUNTRY),
        "the contract's lists and the classifications of country.yaml", REBUILD,
        files.closed_words,
    ),
    Question(
        "run_identity", "files", 20, (MANIFEST, COUNTRY, ZONES),
        "one run id, country, scope and seed, its times in order: the contract; words and lists of "
        "country.yaml", REBUILD,
        identity.run_identity,
    ),
    Question(
        "pack_digest", "files", 10, (MANIFEST, COUNTRY),
        "the pack, engine and options of the manifest, by digest and in the run's id: the contract",
        RESTORE, evidence.pack_digest,
    ),
    Question(
        "review_thresholds", "files", None, (PRIORS, DEFAULTS),
        "known thresholds, each a number, in one entry: pack/priors.yaml `review_thresholds`",
        "mend the entry and build again: thresholds are fixed before the build",
        evidence.review_thresholds,
    ),
    # Evidence and honesty
    Question(
        "evidence_words", "honesty", 19, (MANIFEST, PRIORS, DEFAULTS),
        "measured, constrained, modelled, unavailable, blocked: the contract", REBUILD,
        honesty.evidence_words,
    ),
    Question(
        "registry_entries", "honesty", 19,
        ("distribution_diagnostics.json", MANIFEST, PRIORS, DEFAULTS, COUNTRY, ZONES),
        "every word as in pack/priors.yaml and its defaults; current is of the country itself",
        REWRITE,
        honesty.registry_entries,
    ),
    Question(
        "synthetic_notice", "honesty", 27, (MANIFEST, NOTES, honesty.CRATE, privacy.REPORT),
        "manifest, notes, crate, tables and pages say SYNTHETIC, in a release every file: the "
        "contract", REBUILD,
        honesty.synthetic_notice,
    ),
    Question(
        "release_mode", "honesty", 27, (privacy.REPORT,),
        f"a mode other than internal needs {', '.join(privacy.NEEDED)}, passed, and the statement "
        "says whether any was run: the contract",
        "run the disclosure checks, or keep the run internal",
        privacy.release_mode,
    ),
    Question(
        "disclosure_figures", "honesty", 27, (privacy.REPORT, PERSONS, *RECOUNT),
        EXACT, REWRITE, privacy.disclosure_figures,
    ),
    Question(
        "real_sources", "honesty", 20, (COUNTRY, SOURCES),
        "no address reserved for examples (RFC 2606) under a country's code",
        "give each table the address of its publisher, or the pack the code ZZ",
        honesty.real_sources,
    ),
    Question(
        "whole_country", "honesty", 20, (MANIFEST, PERSONS, *RECOUNT),
        "scope national: the residents published for each zone",
        "build every zone, or call the run by its true scope",
        honesty.whole_country,
    ),
    # Links
    Question(
        "keys", "links", 7, (PERSONS, HOUSEHOLDS, DWELLINGS),
        "none empty, none repeated: the contract", REBUILD,
        links.keys,
    ),
    Question(
        "foreign_keys", "links", 7, (PERSONS, HOUSEHOLDS, DWELLINGS),
        "none dangling, none into an unavailable layer: the contract", REBUILD,
        links.foreign_keys,
    ),
    Question(
        "household_members", "links", 6, (PERSONS, HOUSEHOLDS),
        "size is the number of members; one reference person: the contract", REBUILD,
        links.household_members,
    ),
    Question(
        "partner_links", "links", 6, (PERSONS, HOUSEHOLDS),
        "reciprocal, in one household, no parent or sibling: the contract", REBUILD,
        links.partner_links,
    ),
    Question(
        "parent_links", "links", 6, (PERSONS,),
        "mothers female, fathers male, a couple if either has a partner, children of the couple: "
        "the contract", REBUILD,
        links.parent_links,
    ),
    Question(
        "institutional_links", "links", 14, (PERSONS, HOUSEHOLDS),
        "no partner or parent of institutional residents is known: the contract", REBUILD,
        links.institutional_links,
    ),
    Question(
        "dwelling_links", "links", 6, (HOUSEHOLDS, DWELLINGS),
        "both directions agree: the contract", REBUILD,
        links.dwelling_links,
    ),
    Question(
        "same_place", "links", 16, (PERSONS, HOUSEHOLDS, DWELLINGS),
        "one zone for household, members and dwelling: the contract", REBUILD,
        links.same_place,
    ),
    # Buildings
    Question(
        "building_rows", "buildings", 7, (BUILDINGS,),
        "one row per dwelling, one zone and evidence word per building: the contract", REBUILD,
        buildings.building_rows,
    ),
    Question(
        "building_links", "buildings", 6, (BUILDINGS,),
        "both directions agree, in one zone: the contract", REBUILD,
        buildings.building_links,
    ),
    Question(
        "building_capacity", "buildings", 8, (BUILDINGS,),
        "the capacity that the table states", REBUILD,
        buildings.building_capacity,
    ),
    Question(
        "building_sources", "buildings", 19, (BUILDINGS, SOURCES),
        "buildings called real name a frozen source: the contract",
        "name the source in the table's metadata, or call the buildings modelled_unit",
        buildings.building_sources,
    ),
    Question(
        "building_counts", "buildings", 9, (BUILDINGS, *RECOUNT),
        f"the control's tolerance; WARN from {buildings.NEAR:.0%} where the level does not bind",
        REBUILD, buildings.building_counts,
    ),
    Question(
        "building_summary", "buildings", 13, (BUILDINGS, "dwelling_building_diagnostics.json"),
        EXACT, REWRITE, buildings.building_summary,
    ),
    # Households
    Question(
        "child_only", "households", 1, (PERSONS, HOUSEHOLDS, COUNTRY),
        "0 private households; adult from country.yaml adult_age", REBUILD,
        households.child_only,
    ),
    Question(
        "reference_age", "households", 2, (PERSONS, HOUSEHOLDS, COUNTRY),
        "0 private households; adult from country.yaml adult_age", REBUILD,
        households.reference_age,
    ),
    Question(
        "household_type", "households", 3, (PERSONS, HOUSEHOLDS),
        "the type that the members' roles give: the contract", REBUILD,
        households.household_type,
    ),
    Question(
        "roles", "households", 3, (PERSONS,),
        "the role that links to the reference person and the partner give: the contract", REBUILD,
        roles.roles,
    ),
    Question(
        "family_status", "households", 3, (PERSONS, HOUSEHOLDS),
        "couples, and parents with children who have neither partner nor child: EU 2017/543",
        REBUILD,
        roles.family_status,
    ),
    Question(
        "institutional_households", "households", 3, (PERSONS, HOUSEHOLDS),
        "no type, reference person or dwelling; one role; a kind: the contract", REBUILD,
        households.institutional_households,
    ),
    Question(
        "largest_household", "households", 4, (PERSONS, HOUSEHOLDS, COUNTRY),
        "country.yaml largest_household", REBUILD,
        households.largest_household,
    ),
    Question(
        "mean_size", "households", 4, (PERSONS, HOUSEHOLDS, COUNTRY),
        "at most {mean_size_ratio} times the country's mean: assumption",
        "give the universe households of its own",
        households.mean_size,
    ),
    Question(
        "ages", "households", None, (PERSONS, COUNTRY),
        "0 to country.yaml ages: oldest", REBUILD,
        households.ages,
    ),
    Question(
        "parent_gaps", "households", 5, (PERSONS, COUNTRY),
        "country.yaml mother_age_at_birth, father_age_at_birth, siblings within the wider of the "
        "two; at most {children_of_one_age} children of one mother and age: Hellin's law", REBUILD,
        households.parent_gaps,
    ),
    Question(
        "partner_gaps", "households", 5, (PERSONS, COUNTRY),
        "country.yaml partner_age_gap, partner_age", REBUILD,
        households.partner_gaps,
    ),
    Question(
        "dwelling_occupancy", "households", 8, (HOUSEHOLDS, DWELLINGS, COUNTRY),
        "the contract; country.yaml households_per_dwelling; none shares or lacks a dwelling while "
        "one of its zone is left", REBUILD,
        households.dwelling_occupancy,
    ),
    # Controls
    Question(
        "recountable", "controls", 9, RECOUNT,
        "every control can be recounted: the contract", RESTORE,
        controls.recountable,
    ),
    Question(
        "control_levels", "controls", 10, (CONTROLS, MANIFEST, RESIDUALS),
        "one level, universe and tolerance everywhere: controls.yaml", REBUILD,
        controls.control_levels,
    ),
    Question(
        "hard_exact", "controls", 9, RECOUNT,
        "residual 0 on every HARD cell: the frozen tables", REBUILD,
        controls.hard_exact,
    ),
    Question(
        "residual_rows", "controls", 9, (RESIDUALS, *RECOUNT),
        "published and observed figures as recounted from the frozen tables", REWRITE,
        controls.residual_rows,
    ),
    Question(
        "residual_status", "controls", 9, (RESIDUALS, RELAXED, *RECOUNT),
        "PASS within tolerance, WARN only as relaxed: the contract", REWRITE,
        controls.residual_status,
    ),
    Question(
        "tolerances", "controls", 12, (RELAXED, *RECOUNT),
        "within controls.yaml tolerance (FIRM 2 % unless declared), or a relaxation that says so",
        "log the relaxation with its proof, or meet the published figure",
        controls.tolerances,
    ),
    Question(
        "relaxations_logged", "controls", 12,
        (RELAXED, MANIFEST, RESIDUALS, PERSONS, HOUSEHOLDS, *RECOUNT),
        "the same relaxations everywhere, none of a HARD control, each with its cell and a proof "
        "whose figures are published or counted, no conflict: the contract", REWRITE,
        relaxations.relaxations_logged,
    ),
    Question(
        "relaxations_minimal", "controls", 12, (RELAXED, PERSONS, HOUSEHOLDS, *RECOUNT),
        "no more than the persons and households make unavoidable: recomputed", REBUILD,
        relaxations.relaxations_minimal,
    ),
    Question(
        "deviation_figure", "controls", 15, (SUMMARY, *RECOUNT),
        "largest relative error over HARD, FIRM and SOFT, targets not 0: the contract", REWRITE,
        controls.deviation_figure,
    ),
    Question(
        "missing_declared", "controls", 22, RECOUNT,
        "controls.yaml `missing` says what becomes of a figure that is not published",
        "declare it in controls.yaml",
        controls.missing_declared,
    ),
    Question(
        "tables_exercised", "controls", 11, (CONTROLS, SOURCES, PRIORS, DEFAULTS),
        "no frozen table idle, nor its parts where totals are taken: advice",
        "add a control, or take the table out of sources.yaml",
        controls.tables_exercised,
        required=False,
    ),
    Question(
        "controls_exercised", "controls", 11, RECOUNT,
        "no control only shown that could bind: advice",
        "let it bind as FIRM or SOFT, or say under `bridge` why it is not of this population",
        controls.controls_exercised,
        required=False,
    ),
    # Geography
    Question(
        "geography_tree", "geography", 16, (ZONES, COUNTRY),
        "one root, each code once: the contract", "mend geography.csv and build again",
        geography.geography_tree,
    ),
    Question(
        "zone_spellings", "geography", 23, (ZONES, SOURCES),
        "each spelling leads to one zone: geography.csv",
        "add the spelling to geography.csv, under one code",
        geography.zone_spellings,
    ),
    Question(
        "table_zones", "geography", 16, (ZONES, COUNTRY, SOURCES, MANIFEST, PERSONS, HOUSEHOLDS),
        "the zones of geography.csv at zone_level, each once", REBUILD,
        geography.table_zones,
    ),
    Question(
        "published_totals", "geography", 16, (SOURCES,),
        "sums exact unless sources.yaml declares noise",
        "declare the noise, or freeze the right table",
        geography.published_totals,
    ),
    Question(
        "quality_tiers", "geography", 18,
        (TIERS, INTERVALS, PERSONS, HOUSEHOLDS, MANIFEST, RELAXED, PRIORS, DEFAULTS, *RECOUNT),
        "the best tier of which a zone keeps every bound of the registry: the contract",
        REWRITE, tiers.quality_tiers,
    ),
    # Universes
    Question(
        "universe_words", "universes", 14, (MANIFEST, PERSONS, HOUSEHOLDS, DWELLINGS, COUNTRY),
        "the universes of country.yaml that have no parts", REBUILD,
        universes.universe_words,
    ),
    Question(
        "universe_zones", "universes", 14, (PERSONS, HOUSEHOLDS, COUNTRY, ZONES),
        "country.yaml only_in, flags of geography.csv", REBUILD,
        universes.universe_zones,
    ),
    Question(
        "universe_totals", "universes", 14, (PERSONS, *RECOUNT),
        "published persons by zone and universe; wholes are the sum of their parts", REBUILD,
        universes.universe_totals,
    ),
    Question(
        "household_universe", "universes", 14, (HOUSEHOLDS, *RECOUNT),
        "the HARD national count covers country.yaml household_universe alone", REBUILD,
        universes.household_universe,
    ),
    Question(
        "unmixed_households", "universes", 14, (PERSONS, HOUSEHOLDS),
        "one universe in a household: the contract", REBUILD,
        universes.unmixed,
    ),
    Question(
        "institutions_apart", "universes", 14, (PERSONS, HOUSEHOLDS, COUNTRY),
        "the institution of each universe of country.yaml; private households for the others",
        REBUILD, universes.institutions_apart,
    ),
    Question(
        "dwelling_universe", "universes", 14, (HOUSEHOLDS, DWELLINGS, COUNTRY),
        "dwellings cover country.yaml household_universe alone", REBUILD,
        universes.dwelling_universe,
    ),
    # Overlays
    Question(
        "overlay_bounds", "overlays", 17, (OVERLAYS,),
        "0 <= low <= mid <= high, low < high where modelled: the contract",
        "give each category bounds of its own", overlays.overlay_bounds,
    ),
    Question(
        "overlay_sources", "overlays", 21, (OVERLAYS, MANIFEST, SOURCES),
        "a method with its lists and dependence, a source, a date, a period: the contract",
        "complete overlays.yaml and build again", overlays.overlay_sources,
    ),
    Question(
        "overlay_zones", "overlays", 16, (OVERLAYS, ZONES, COUNTRY),
        "zones of geography.csv, each row once, parts within the whole: the contract", REBUILD,
        overlays.overlay_zones,
    ),
    Question(
        "overlay_apart", "overlays", 24, (OVERLAYS, *RECOUNT),
        "published residents, none of them made from an overlay: the contract",
        "take the overlay's people out of the residents", overlays.overlay_apart,
    ),
    # Work and school
    Question(
        "assignment_rows", "assignments", 7, (PLACES,),
        "persons that exist, once per kind, each to one destination: the contract", REBUILD,
        assignments.assignment_rows,
    ),
    Question(
        "assignment_places", "assignments", 8, (PLACES, ZONES),
        "zones of geography.csv, the capacity that the table states", REBUILD,
        assignments.assignment_places,
    ),
    Question(
        "external_zones", "assignments", 16, (PLACES, ZONES, ASSIGNMENT),
        "the zones abroad of assignment.yaml", "list the zone in assignment.yaml, or build again",
        assignments.external_zones,
    ),
    Question(
        "assignment_ages", "assignments", None, (PLACES, ASSIGNMENT),
        f"the ages of assignment.yaml; no worker under {assignments.YOUNGEST_WORKER}: ILO C138",
        REBUILD, assignments.assignment_ages,
    ),
    Question(
        "assignment_totals", "assignments", None, (PLACES, ASSIGNMENT),
        "everyone of the categories of assignment.yaml, and nobody else: the contract", REBUILD,
        assignments.assignment_totals,
    ),
    Question(
        "assignment_summary", "assignments", 13, (assignments.DIAGNOSTICS, MANIFEST),
        EXACT, REWRITE, assignments.assignment_summary,
    ),
    # Attributes
    Question(
        "attributes_rules", "attributes", None,
        ("distribution_diagnostics.json", PERSONS, ATTRIBUTES, PRIORS, DEFAULTS, COUNTRY),
        "attributes.yaml rules, odds of zero; evidence words and figures exact: the contract",
        REBUILD, attributes.attributes_rules,
    ),
    # What the registry declares
    *DECLARED,
    *DOCUMENT_QUESTIONS,
)
# fmt: on
