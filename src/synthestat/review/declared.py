"""The questions about distributions: what the pack's registry declares, held against the tables.

They stand in `questions.py` in this order.
"""

from __future__ import annotations

from synthestat.review import attribute_joints, attributes, distributions
from synthestat.review.question_words import (
    ATTRIBUTES,
    CONTROLS,
    COUNTRY,
    DEFAULTS,
    HOUSEHOLDS,
    PERSONS,
    PRIORS,
    RECOUNT,
)
from synthestat.review.record import Question

REGISTRY = (PRIORS, DEFAULTS)
MATCH = "match ages by the registry's entry, or mend the entry before the build"

# fmt: off
DECLARED: tuple[Question, ...] = (
    Question(
        "gap_densities", "households", 5, (PERSONS, HOUSEHOLDS, COUNTRY, *REGISTRY),
        "at most {ages_apart} at other years than the registry's kernels, beyond chance: "
        "assumption", MATCH,
        distributions.gap_densities,
    ),
    Question(
        "sibling_spacing", "households", 5, (PERSONS, *REGISTRY),
        "siblings of one age, or a year apart, at most {siblings_apart} above the registry's "
        "weights: assumption", MATCH,
        distributions.sibling_spacing,
    ),
    Question(
        "oldest_ages", "households", 28, (PERSONS, COUNTRY, *REGISTRY),
        "at most {ages_apart} of the open class at other ages than the registry's survivors, "
        "beyond chance: assumption",
        "split the open class by the registry's entry, or mend the entry before the build",
        distributions.oldest_ages,
    ),
    Question(
        "sex_by_age", "households", 28, (PERSONS, COUNTRY, CONTROLS, *REGISTRY),
        "within {sexes_apart} of an age group and {drawn_deviations} deviations of the registry's "
        "ratio: assumption",
        "draw sexes by the registry's ratio, or mend the entry before the build",
        distributions.sex_by_age,
    ),
    Question(
        "attribute_shares", "attributes", 25, (PERSONS, ATTRIBUTES, *REGISTRY, *RECOUNT),
        "within a share of {attribute_apart} of what quotas or odds promise: assumption",
        "draw the attribute from its table or pattern; declare it unavailable where there is none",
        attributes.attribute_shares,
    ),
    Question(
        "attribute_ages", "attributes", 28, (PERSONS, ATTRIBUTES, COUNTRY, *REGISTRY),
        "within {attribute_apart} of a group by sex, age and category given, and "
        "{drawn_deviations} deviations, of what its odds give: assumption",
        "draw the attribute by its odds at each age", attribute_joints.attribute_ages,
    ),
    Question(
        "attribute_association", "attributes", 28, (PERSONS, ATTRIBUTES, COUNTRY, *REGISTRY),
        "at most {attribute_apart} in other cells than odds fitted to each zone give: assumption",
        "fit the declared odds to the margins of each zone",
        attribute_joints.attribute_association,
    ),
    Question(
        "attribute_sharing", "attributes", 28, (PERSONS, ATTRIBUTES, COUNTRY, *REGISTRY),
        "pairs alike {sharing_part} of the way from chance to what attributes.yaml declares; "
        "couples within {couples_apart} of their curve: assumption",
        "deal the attribute out by households, or declare it independent before the build",
        attribute_joints.attribute_sharing,
    ),
)
# fmt: on
