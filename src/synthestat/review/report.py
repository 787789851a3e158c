"""review.json: what a review came to, in one strict and stable document beside the run.

Equal reviews give equal documents but for `reviewed`, the moment at which it was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from typing import Any

from synthestat.errors import OutputError
from synthestat.review.case import TABLES, Case, open_case
from synthestat.review.evidence import supported_share
from synthestat.review.files import CHECKSUMS
from synthestat.review.record import Check, Status
from synthestat.review.rubric import rubric
from synthestat.review.verdict import PASS_ROLE, Finding, Judgement, Verdict, judge
from synthestat.review.verify import DAMAGE, Verification, run_id_of, verify_case
from synthestat.sources.snapshots import SnapshotStore

SCHEMA = 1


@dataclass(frozen=True)
class Review:
    """A run reviewed: its checks, the verdict, and the document that is written."""

    verification: Verification
    judgement: Judgement
    document: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether no claim was found false; the verdict may still ask for more."""
        return self.verification.passed


def review_run(
    folder: Path,
    snapshots: SnapshotStore,
    *,
    progress: Callable[[Check], None] | None = None,
) -> Review:
    """Carry out every check of a run, then give verdict, rubric and record from its files alone.

    Raises BundleError only if there is no folder.
    """
    with open_case(folder, snapshots) as case:
        verification = verify_case(case, progress=progress)
        judgement = judge(case, verification.checks)
        return Review(verification, judgement, _document(case, verification, judgement))


def write_review(review: Review, folder: Path) -> Path:
    """Write `<run>.review.json` beside a run's folder, in which nothing is changed.

    Returns its path; OutputError where it cannot be written.
    """
    place = folder.resolve()
    path = place.with_name(f"{place.name}.review.json")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(review_text(review.document), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} cannot be written: {error.strerror or error}",
            remedy="give a run whose parent folder you may write to, or --json a file",
        ) from None
    return path


def review_text(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text, as it is written: no NaN, stable order."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def reviewer_digest() -> str:
    """SHA-256 of the reviewer's own files: which reviewer judged."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(p for p in room.iterdir() if p.suffix in (".py", ".yaml")):
        digest.update(path.name.encode() + b"\x1f" + path.read_bytes())
    return digest.hexdigest()


def _document(case: Case, verification: Verification, judgement: Judgement) -> dict[str, Any]:
    checks = verification.checks
    needs = [asdict(need) for need in rubric(case, checks)]
    said = {key: _said(case, key) for key in ("country", "country_name", "edition", "scope")}
    numbered = [(f"F{at}", each) for at, each in enumerate(judgement.findings, 1)]
    document = {
        "schema": SCHEMA,
        **said,
        "run_id": run_id_of(case),
        "bundle_digest": _bundle_digest(case),
        "verdict": judgement.verdict.value,
        "rule": judgement.rule,
        "because": judgement.when,
        "claims_false": not verification.passed,
        "confidence": _confidence(case, checks),
        "findings": {
            "blocking": [_finding(name, f, case) for name, f in numbered if f.rule],
            "non_blocking": [_finding(name, f, case) for name, f in numbered if not f.rule],
        },
        "witnesses": list(judgement.witnesses),
        "next_actions": _actions(judgement, numbered),
        "status": _status(case, checks),
        "rubric": needs,
        "counts": verification.counts,
        "max_marginal_deviation": verification.deviation,
        "checks": [_check(check) for check in checks],
        "thresholds": {
            "digest": case.thresholds.digest,
            "entries": [asdict(entry) for _, entry in sorted(case.thresholds.by_id.items())],
            "places": list(case.thresholds.places),
            "searched": {k: list(v) for k, v in sorted(case.thresholds.searched.items())},
        },
        "reviewer": {"version": _version(), "digest": reviewer_digest()},
        "reviewed": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return dict(_plain(document))


def _said(case: Case, key: str) -> str | None:
    try:
        return str(case.manifest[key])
    except DAMAGE:
        return None


def _version() -> str:
    try:
        return version("synthestat")
    except PackageNotFoundError:
        return "not installed"


def _bundle_digest(case: Case) -> str | None:
    """SHA-256 of checksums.sha256, which covers every other file; None where it is absent."""
    path = case.folder / CHECKSUMS
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _confidence(case: Case, checks: Sequence[Check]) -> dict[str, Any]:
    """How much of what is judged rests on official figures: supported x judged x sound.

    `supported`: share of the describing values of persons, households and dwellings that are called
    measured or constrained; `judged`: share of the checks that were carried out; `sound`: 0 where a
    check of the files or of evidence words fails, for then these words mean nothing, else 1.
    """
    try:
        supported = supported_share(case)
    except DAMAGE:
        supported = 0.0
    carried_out = [c for c in checks if c.status is not Status.SKIP and not c.damaged]
    judged = len(carried_out) / len(checks) if checks else 0.0
    unsound = [
        check.id
        for check in checks
        if check.status is Status.FAIL and (check.family == "files" or check.id == "evidence_words")
    ]
    sound = 0.0 if unsound else 1.0
    return {
        "value": round(supported * judged * sound, 4),
        "supported": round(supported, 6),
        "judged": round(judged, 6),
        "sound": sound,
    }


def _finding(name: str, finding: Finding, case: Case) -> dict[str, Any]:
    check, rule = finding.check, finding.rule
    known = case.thresholds.by_id
    return {
        "id": name,
        "check": check.id,
        "family": check.family,
        "status": check.status.value,
        "rule": rule.id if rule else None,
        "leads_to": rule.verdict.value if rule else None,
        "notes": check.notes,
        "figures": dict(check.figures),
        "threshold": check.threshold,
        "thresholds": [asdict(known[each]) for each in check.thresholds if each in known],
        "rows": list(check.offending),
        "remedy": check.remedy,
        "roles": [role.name for role in finding.roles],
        "witnesses": list(finding.witnesses),
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "family": check.family,
        "finding": check.finding,
        "required": check.required,
        "status": check.status.value,
        "notes": check.notes,
        "figures": dict(check.figures),
        "threshold": check.threshold,
        "thresholds": list(check.thresholds),
    }


def _actions(judgement: Judgement, numbered: Sequence[tuple[str, Finding]]) -> list[dict[str, Any]]:
    """What is to be done next, by whom, for which findings; the verdict's own first."""
    held: dict[tuple[str, str], list[str]] = {}
    decisive = [pair for pair in numbered if pair[1].rule and pair[1].rule.id == judgement.rule]
    others = [pair for pair in numbered if pair not in decisive]
    for name, finding in (*decisive, *others):
        for role in finding.roles:
            held.setdefault((role.name, role.action), []).append(name)
    if judgement.verdict is Verdict.PASS:
        held = {(PASS_ROLE.name, PASS_ROLE.action): [], **held}
    return [
        {"role": role, "action": action, "findings": names}
        for (role, action), names in held.items()
    ]


ASPECTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hard_constraints": ((), ("hard_exact", "recountable")),
    "uncertainty": (("uncertainty",), ("national_widths",)),
    "provenance": (("provenance",), ()),
    "hidden_populations": (("overlays",), ()),
    "assignments": (("assignments",), ()),
    "privacy": (("privacy",), ("release_mode", "synthetic_notice")),
}
"""Parts of the record's `status`: families of checks, and single ones."""
LAYERS = {"hidden_populations": "overlays", "assignments": "places"}


def _status(case: Case, checks: Sequence[Check]) -> dict[str, Any]:
    """For each aspect the worst end of its checks (SKIP: none judged), their figures, its layer."""
    found: dict[str, Any] = {}
    order = [Status.FAIL, Status.WARN, Status.PASS, Status.SKIP]
    for aspect, (families, names) in ASPECTS.items():
        own = [check for check in checks if check.family in families or check.id in names]
        worst = min((check.status for check in own), key=order.index, default=Status.SKIP)
        entry: dict[str, Any] = {
            "status": worst.value,
            "checks": {check.id: check.status.value for check in own},
            "figures": {check.id: dict(check.figures) for check in own if check.figures},
        }
        if aspect in LAYERS:
            gone = case.declared_unavailable(LAYERS[aspect])
            entry["layer"] = TABLES[LAYERS[aspect]]
            entry["state"] = "unavailable" if gone else _layer_word(case, TABLES[LAYERS[aspect]])
        if aspect == "privacy":
            entry["release_mode"] = _release_mode(case)
        found[aspect] = entry
    return found


def _layer_word(case: Case, layer: str) -> str:
    try:
        return str(case.manifest["layers"][layer])
    except DAMAGE:
        return "blocked"


def _release_mode(case: Case) -> str | None:
    try:
        return str(case.json("privacy_report.json")["release_mode"])
    except DAMAGE:
        return None


def _plain(value: Any) -> Any:
    """A document as JSON takes it: text keys, plain numbers, nothing that is no number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
