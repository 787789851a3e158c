"""What the files of a country pack may say: one model per file, checked as they are read."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Level = Literal["HARD", "FIRM", "SOFT", "GUIDE", "INFORMATIONAL"]
Evidence = Literal["measured", "constrained", "modelled", "unavailable", "blocked"]
Institution = Literal[
    "care_home",
    "prison",
    "student_hall",
    "barracks",
    "reception_centre",
    "religious",
    "hospital",
    "other",
]
INSTITUTIONS: tuple[str, ...] = get_args(Institution)
LEVELS_IN_DEVIATION: tuple[Level, ...] = ("HARD", "FIRM", "SOFT")
SEXES = ("male", "female")  # the engine's codes 0 and 1
HOUSEHOLD_TYPES = (  # the engine's codes 0 to 6
    "single",
    "couple_without_children",
    "couple_with_children",
    "lone_mother",
    "lone_father",
    "extended",
    "other",
)
HOUSEHOLD_COLUMNS = ("size", "household_type")  # what tables of households may split by
FAMILY_COLUMN = "family_status"  # persons of the household universe, by their links
FAMILY_STATUS = ("in a family nucleus", "in no family nucleus")  # the engine's codes 0 and 1
FIRM_TOLERANCE = 0.02  # share of the target; the project's definition of FIRM


def age_band(name: str) -> tuple[int, int | None]:
    """Return (first, last) age of a band named `3`, `0-4` or `85+` (last None: open).

    ValueError for any other name, and for a band that ends before it begins.
    """
    found = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", name)
    if found is None:
        raise ValueError(f"{name!r} is no age, no band such as 0-4 and no open band such as 85+")
    first, last = int(found[1]), int(found[3] or found[1])
    if last < first:
        raise ValueError(f"the band {name!r} ends before it begins")
    return first, None if found[2] else last


def age_band_name(first: int, last: int | None) -> str:
    """Return the name of a band: `3`, `0-4` or `85+`."""
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}-{last}"


def type_group(name: str) -> tuple[str, ...]:
    """Return the household types of a group written `lone_mother|lone_father`, in their order.

    ValueError for a type that there is not, and for one that stands twice.
    """
    named = [part.strip() for part in name.split("|")]
    unknown = [part for part in named if part not in HOUSEHOLD_TYPES]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no household type; there are {', '.join(HOUSEHOLD_TYPES)}"
        )
    if len(set(named)) < len(named):
        raise ValueError(f"a type stands twice in {name!r}")
    return tuple(kind for kind in HOUSEHOLD_TYPES if kind in named)


class Spec(BaseModel):
    """Base of all pack models: unknown keys are faults, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UniverseSpec(Spec):
    """Which residents a count refers to, and how universes nest.

    `parts` are disjoint universes that make it up; `only_in` is the flag that a zone of
    `geography.csv` must carry for the universe to be non-empty there. `institution` is the kind of
    institution in which all residents of an indivisible universe live, never in private households.
    """

    label: str
    parts: tuple[str, ...] = ()
    only_in: str | None = None
    institution: Institution | None = None

    @model_validator(mode="after")
    def _one_kind_of_institution(self) -> UniverseSpec:
        if self.institution is not None and self.parts:
            raise ValueError("an institution is said of the indivisible universes, not of a whole")
        return self


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
        "hidden_population_overlays",
        "work_school_assignments",
        "synthetic_building_assignments",
        "synthetic_dwellings",
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
        if any(self.institution(name) for name in self.atoms(self.household_universe)):
            raise ValueError("household_universe lives in private households, not in institutions")
        if self.classifications.get("sex") != SEXES:
            raise ValueError(f"classifications: sex must be [{', '.join(SEXES)}], in this order")
        return self

    def atoms(self, universe: str) -> tuple[str, ...]:
        """Return the indivisible universes that make up `universe`, in declared order."""
        parts = self.universes[universe].parts
        return tuple(a for part in parts for a in self.atoms(part)) if parts else (universe,)

    def institution(self, universe: str) -> Institution | None:
        """Return the kind of institution that a universe lives in, None for private households."""
        return self.universes[universe].institution


class TotalSpec(Spec):
    """`total` of `dimension` is the sum of its `parts`, for the `only` codes of others.

    Where `parts` are not given, they are all its other codes.
    """

    dimension: str
    total: str
    parts: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = {}


class NoiseSpec(Spec):
    """How an office disturbs its figures, so that a figure stands for an interval.

    `rounded` to multiples of `base`: to the nearest (within base // 2) or, `random`, to either
    neighbour (within base - 1; Cox 1987, doi 10.1080/01621459.1987.10478456). `perturbed` by a cell
    key: within `spread` (Fraser & Wooton 2005). `suppressed`: a suppressed cell holds 0 to
    `below` - 1.
    """

    kind: Literal["rounded", "perturbed", "suppressed"]
    base: int | None = Field(default=None, ge=2)
    random: bool = False
    spread: int | None = Field(default=None, ge=1)
    below: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _says_how_much(self) -> NoiseSpec:
        needed = {"rounded": "base", "perturbed": "spread", "suppressed": "below"}[self.kind]
        given = {n for n in ("base", "spread", "below") if getattr(self, n) is not None}
        if given != {needed}:
            raise ValueError(f"noise of kind {self.kind} takes {needed!r}, and no other figure")
        return self

    @property
    def reach(self) -> int:
        """The most by which a published figure may differ from the true count."""
        if self.base is not None:
            return self.base - 1 if self.random else self.base // 2
        return self.spread or 0


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
    noise: Literal["none", "rounded", "perturbed", "suppressed"] = "none"
    noise_model: NoiseSpec | None = None
    reference_year: int | None = None
    quirks: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _split_noise(cls, entry: object) -> object:
        """Read `noise: {kind: rounded, base: 5}` as the word and the model behind it."""
        if isinstance(entry, dict) and isinstance(entry.get("noise"), dict):
            noise = entry["noise"]
            return {**entry, "noise": noise.get("kind"), "noise_model": noise}
        return entry

    @property
    def disturbs(self) -> bool:
        """Whether published figures differ from true counts by design."""
        return self.noise in ("rounded", "perturbed")

    @property
    def reach(self) -> int:
        """The most by which a published figure differs from the true count (0: exact)."""
        return 0 if self.noise_model is None else self.noise_model.reach

    @property
    def inexact(self) -> bool:
        """Whether figures, or suppressed cells, stand for intervals."""
        return self.noise_model is not None

    @property
    def suppressed_below(self) -> int | None:
        """The count from which cells are published, where the office says so."""
        return None if self.noise_model is None else self.noise_model.below


class ColumnMap(Spec):
    """How categories of a table's dimension become values of a bundle's column.

    `codes` maps a published code to the bundle's value (the code itself where absent);
    `leave_out` are totals; `open_class` is a code such as "85+" that means "this age or more", or
    of households "this size or more". `bands` maps a code to its first and last age, or size (null:
    open). A code of household types may stand for several: `lone_mother|lone_father`.
    """

    dimension: str
    codes: dict[str, str] = {}
    leave_out: tuple[str, ...] = ()
    open_class: str | None = None
    bands: dict[str, tuple[int, int | None]] = {}


class ControlSpec(Spec):
    """One control of `controls.yaml`: which cells of a table constrain which count.

    `bridge` says why a table of another year than its universe's other controls still counts them;
    `zeros` are cells that hold nobody by definition (column: category), whatever is published.
    """

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
    bridge: str | None = None
    zeros: tuple[dict[str, str], ...] = ()

    @property
    def allowed(self) -> float:
        """Share of a target by which an observed count may differ from it."""
        if self.tolerance is not None:
            return self.tolerance
        return FIRM_TOLERANCE if self.level == "FIRM" else 0.0


class AgeRule(Spec):
    """The first and the last age at which persons may be in a category; None: no bound."""

    from_age: int | None = Field(default=None, ge=0)
    to_age: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> AgeRule:
        if self.from_age is None and self.to_age is None:
            raise ValueError("a rule gives from_age, to_age or both")
        if self.from_age is not None and self.to_age is not None and self.to_age < self.from_age:
            raise ValueError(f"to_age {self.to_age} lies before from_age {self.from_age}")
        return self


class GivenSpec(Spec):
    """An attribute drawn before, and the family of odds {its category: {category: odds}}."""

    attribute: str
    family: str


class AttributeSpec(Spec):
    """A person attribute that is given to the members of standing households.

    `control` is a table of quotas by zone, met exactly; `guide` a GUIDE control whose shares in a
    zone are taken for the persons present, so that the quotas are modelled; `pattern` a registry
    family of relative odds of each category by age, or by sex and age; `rules` bound categories by
    age; `given` ties the attribute to one drawn before. Without quotas the odds alone decide, for
    the persons of `universe` (by default the household universe). `household`: members of one value
    (`shared`, the default of quotas alone), partners alike in the categories `alike`, or
    `independent`; `together` is the share of households whose members share a value as far as
    quotas allow; `couples` a registry family: the share of couples who are both in the one category
    of `alike`, by age, and of persons without a partner who are.
    """

    name: str
    control: str | None = None
    guide: str | None = None
    pattern: str | None = None
    universe: str | None = None
    stratum: str | None = None
    association: str | None = None
    rules: dict[str, AgeRule] = {}
    given: GivenSpec | None = None
    household: Literal["shared", "partners", "independent"] | None = None
    alike: tuple[str, ...] = ()
    couples: str | None = None
    together: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> AttributeSpec:
        if self.table is None and self.pattern is None and self.given is None:
            raise ValueError(
                "an attribute needs a control, a guide, a pattern, or odds given another one"
            )
        if self.control is not None and self.guide is not None:
            raise ValueError("a guide is for an attribute without a control")
        if self.table is not None and self.universe is not None:
            raise ValueError("universe is said where there is no control; a control has its own")
        if self.association is not None and (self.stratum is None or self.control is None):
            raise ValueError("an association needs a control and a stratum")
        if (self.household == "partners") != bool(self.alike):
            raise ValueError("household: partners goes with alike, the categories to agree in")
        if self.couples is not None and (self.table is None or len(self.alike) != 1):
            raise ValueError("couples goes with a control or guide, and one category of alike")
        if self.together < 1 and self.household_rule != "shared":
            raise ValueError("together goes with household: shared")
        return self

    @property
    def table(self) -> str | None:
        """The control that gives quotas, exact or guided; None where odds alone decide."""
        return self.control or self.guide

    @property
    def by_quotas_alone(self) -> bool:
        """Whether nothing but quotas decides who is in which category."""
        return self.pattern is None and self.given is None and not self.rules

    @property
    def household_rule(self) -> Literal["shared", "partners", "independent"]:
        """What members of one household have to do with each other."""
        return self.household or ("shared" if self.by_quotas_alone else "independent")

    @property
    def evidence(self) -> Evidence:
        """The evidence word of those who have a value."""
        return "modelled" if self.control is None else "constrained"


class PriorSpec(Spec):
    """One entry of the registry of distributions; `reference_period` is that of its figures."""

    id: str
    family: str
    label: str
    kind: Literal["table", "anchors", "kernel", "gompertz", "weights", "parameters", "target"]
    geography: str
    status: Literal["used", "available"]
    variant: Literal["current", "robust", "comparable_country", "transferred"]
    confidence: Literal["high", "medium", "low"]
    evidence: Evidence
    citation: str
    address: str
    reference_period: str = ""
    values: dict[str | int, object]
