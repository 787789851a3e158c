"""How figures, ids and addresses are written on every page: the filters of the templates."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape


def figure(value: object) -> str:
    """Write a number with thousands separators, decimals only where there are any; "–" for None."""
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def percent(share: float | None, places: int = 2) -> str:
    """Write a share as a percentage, without needless zeros; "–" for None."""
    if share is None:
        return "–"
    text = f"{share * 100:.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def measured(value: float | None, measure: str) -> str:
    """Write a soft target's figure: shares as a percentage, means in years; "–" for None."""
    if value is None:
        return "–"
    return percent(value) if measure.endswith("_share") else f"{value:.2f} years"


def margin(tolerance: float, measure: str) -> str:
    """Write a soft target's tolerance: percentage points for shares, years for means."""
    return f"{tolerance * 100:g} points" if measure.endswith("_share") else f"{tolerance:.2f} years"


def breakable(name: str) -> Markup:
    """Escape an id that may break into lines after a dot or an underscore."""
    text = str(escape(name))
    return Markup(text.replace(".", ".<wbr>").replace("_", "_<wbr>"))


def file_size(size: int | None) -> str:
    """Write bytes as B, kB or MB; "absent" for None."""
    if size is None:
        return "absent"
    if size < 1_000:
        return f"{size} B"
    return f"{size / 1_000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"


def safe_link(address: object) -> str | None:
    """Return an http or https address, or None: nothing else may become a link."""
    text = str(address or "").strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def moment(text: object) -> str:
    """Write an ISO 8601 moment for readers; "not stated" for what is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return "not stated"
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".strip()


def day(text: object) -> str:
    """Write the day of an ISO 8601 moment; "not stated" for what is none."""
    try:
        known = datetime.fromisoformat(str(text))
    except ValueError:
        return "not stated"
    return f"{known.day} {known:%B %Y}"
