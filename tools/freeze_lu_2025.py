"""Freeze the tables of Luxembourg's edition of 2025: its residents then, the structure of 2021.

    python tools/freeze_lu_2025.py FOLDER_OF_FIGURES

The folder holds `official/lu/`. Tables of the census are those of `freeze_lu.py`, byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path

from freeze_lu import (
    COMMUNE,
    STATEC,
    citizenship,
    country_of_birth,
    household_status,
    marital_status,
    population_by_age,
)
from freezing import (
    Extract,
    figures_by,
    freeze_all,
    labelled_dimension,
    read_rows,
    zone_dimension,
)

SNAPSHOTS = Path(__file__).resolve().parents[1] / "src/synthestat/packs/lu/2025/snapshots"
COLUMN, YEAR = "pop_2025_01_01", "2025"


def residents(data: Path) -> Extract:
    """Residents of the 100 communes of 1 January 2025.

    The table gives the national code of a commune (lau2); STATEC's tables of the census write it
    after `LU000`.
    """
    rows = [
        {"code": f"LU000{row['lau2']}", "name": row["commune"], "year": YEAR} | row
        for row in read_rows(data / "official/lu/population_commune_2020_2026.csv")
    ]
    return Extract(
        "DF_X021",
        "Population by commune, 1 January 2025",
        STATEC,
        "2025-01-01",
        (zone_dimension(rows, COMMUNE), labelled_dimension("year", "1 January", {YEAR: YEAR})),
        figures_by(rows, ("code", "year"), COLUMN),
        ("All 100 communes; no total is at hand.",),
    )


TABLES = (
    residents,
    population_by_age,
    household_status,
    marital_status,
    citizenship,
    country_of_birth,
)

if __name__ == "__main__":
    sys.exit(freeze_all(TABLES, SNAPSHOTS, __doc__))
