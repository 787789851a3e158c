"""What the files of a country pack may say: one model per file, checked as they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Level = Literal["HARD", "FIRM", "SOFT", "GUIDE", "INFORMATIONAL"]
Evidence = Literal["measured", "constrained", "modelled", "unavailable", "blocked"]
LEVELS_IN_DEVIATION: tuple[Level, ...] = ("HARD", "FIRM", "SOFT")
SEXES = ("male", "female")  # the engine's codes 0 and 1
FIRM_TOLERANCE = 0.02  # share of the target; the project's definition of FIRM


class Spec(BaseModel):
    """Base of all pack models: unknown keys are faults, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UniverseSpec(Spec):
    """Which residents a count refers to, and how universes nest.

    `parts` are disjoint universes that make it up; `only_in` is the flag that a zone of
    `geography.csv` must carry for the universe to be non-empty there.
    """

    label: str
    parts: tuple[str, ...] = ()
    only_in: str | None = None


class Rule(Spec):
    """One number of the household rules, with where it comes from."""

    value: int
    source: str


class Band(Spec):
    """A closed band of the household rules, in years, with where it comes from."""

    value: tuple[int, int]
    source: str


class HouseholdRules(Spec):
    """Bands that every household keeps; the reviewer judges by the same numbers."""

    adult_age: Rule
    partner_age: Rule
    mother_age_at_birth: Band
    father_age_at_birth: Band
    partner_age_gap: Band
    largest_household: Rule
    households_per_dwelling: Rule


class Ages(Spec):
    """`open_from`: first age of the published top class; `oldest`: the last single age drawn."""

    open_from: int = Field(ge=1)
    oldest: int = Field(le=120)


class UnavailableLayer(Spec):
    """A layer that the evidence of this pack cannot support."""

    layer: Literal[
        "hidden_population_overlays", "work_school_assignments", "synthetic_building_assignments"
    ]
    reason: str
    evidence_needed: tuple[str, ...]
    looked_in: tuple[str, ...]


class CountrySpec(Spec):
    """`country.yaml`."""

    country: str = Field(pattern=r"^[A-Z]{2,3}$")
    name: str
    edition: str
    scope: str
    reference_period: str
    zone_level: str
    universes: dict[str, UniverseSpec]
    household_universe: str
    household_rules: HouseholdRules
    classifications: dict[str, tuple[str, ...]]
    ages: Ages
    unavailable_layers: tuple[UnavailableLayer, ...] = ()
    out_of_scope: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _universes_exist(self) -> CountrySpec:
        named = [part for universe in self.universes.values() for part in universe.parts]
        for name in [*named, self.household_universe]:
            if name not in self.universes:
                raise ValueError(f"universe {name!r} is named but not described")
        if self.classifications.get("sex") != SEXES:
            raise ValueError(f"classifications: sex must be [{', '.join(SEXES)}], in this order")
        return self

    def atoms(self, universe: str) -> tuple[str, ...]:
        """Return the indivisible universes that make up `universe`, in declared order."""
        parts = self.universes[universe].parts
        return tuple(a for part in parts for a in self.atoms(part)) if parts else (universe,)


class TotalSpec(Spec):
    """`total` of `dimension` is the sum of its other codes, for the `only` codes of others."""

    dimension: str
    total: str
    only: dict[str, tuple[str, ...]] = {}


class SourceSpec(Spec):
    """One frozen table of `sources.yaml`, with everything that a reader needs to find it again."""

    id: str
    title: str
    publisher: str
    address: str
    query: str
    licence: str
    reference_period: str
    retrieved: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    zone_dimension: str | None = "zone"
    symbols: dict[str, Literal["suppressed", "missing", "not_applicable"]] = {}
    totals: tuple[TotalSpec, ...] = ()
    noise: Literal["none", "rounded", "perturbed"] = "none"
    quirks: tuple[str, ...] = ()


class ColumnMap(Spec):
    """How categories of a table's dimension become values of a bundle's column.

    `codes` maps a published code to the bundle's value (the code itself where absent);
    `leave_out` are totals; `open_class` is a code such as "85+" that means "this age or more".
    """

    dimension: str
    codes: dict[str, str] = {}
    leave_out: tuple[str, ...] = ()
    open_class: str | None = None


class ControlSpec(Spec):
    """One control of `controls.yaml`: which cells of a table constrain which count."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    label: str
    family: str
    table: str
    level: Level
    universe: str
    counts: Literal["persons", "households", "dwellings", "buildings"]
    tolerance: Annotated[float, Field(ge=0, lt=1)] | None = None
    sum: str | None = None
    cap: int | None = None
    only: dict[str, str] = {}
    where: dict[str, str] = {}
    by: dict[str, ColumnMap] = {}
    missing: Literal["fault", "modelled", "unconstrained"] = "fault"

    @property
    def allowed(self) -> float:
        """Share of a target by which an observed count may differ from it."""
        if self.tolerance is not None:
            return self.tolerance
        return FIRM_TOLERANCE if self.level == "FIRM" else 0.0


class AttributeSpec(Spec):
    """A person attribute that is given to standing households under exact quotas."""

    name: str
    control: str
    stratum: str
    association: str | None = None


class PriorSpec(Spec):
    """One entry of the registry of distributions."""

    id: str
    family: str
    label: str
    kind: Literal["table", "anchors", "kernel", "gompertz", "weights", "parameters"]
    geography: str
    status: Literal["used", "available"]
    variant: Literal["current", "robust", "comparable_country", "transferred"]
    confidence: Literal["high", "medium", "low"]
    evidence: Evidence
    citation: str
    address: str
    values: dict[str | int, object]
