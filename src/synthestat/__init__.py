"""Synthestat: a country's 1:1 synthetic population, exact to its official tables.

The front door, from Python:

    import synthestat

    run = synthestat.build("XK", seed=420987)      # folder of a run bundle
    synthestat.verify(run).passed                  # recomputed from its files
    synthestat.review_run(run).judgement.verdict   # and judged; the record lies beside the run
    synthestat.page(run)                           # one offline HTML page
    synthestat.write_site("runs")                  # or a site of all runs
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "build", "page", "review_run", "verify", "write_site"]

if TYPE_CHECKING:
    from synthestat.api import build, page, verify
    from synthestat.api import review as review_run
    from synthestat.api import site as write_site


# A room of the package has the name that the function has in `api`.
_ELSEWHERE = {"review_run": "review", "write_site": "site"}


def __getattr__(name: str) -> Any:
    """Load the engine only when it is asked for, so that reading a bundle stays light."""
    if name in __all__:
        from synthestat import api

        return getattr(api, _ELSEWHERE.get(name, name))
    raise AttributeError(f"module 'synthestat' has no attribute {name!r}")
