"""Facts about tables that do not depend on how a file happens to be encoded."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

_FLOATS = (pl.Float32, pl.Float64)


def content_digest(table: pl.DataFrame) -> str:
    """Return the SHA-256 of a table's content: columns by name, values in row order.

    The digest depends on column names, logical values and nulls, and on nothing else: not on the
    order of columns, on integer width, on dictionary encoding or on the Parquet writer's version.
    """
    whole = hashlib.sha256()
    for name in sorted(table.columns):
        whole.update(f"{name}\x1f".encode())
        whole.update(_column_digest(table.get_column(name)))
    return whole.hexdigest()


def _column_digest(column: pl.Series) -> bytes:
    digest = hashlib.sha256()
    digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
    if column.dtype.is_integer() or column.dtype == pl.Boolean:
        digest.update(b"int")
        digest.update(column.cast(pl.Int64).fill_null(0).to_numpy().tobytes())
    elif column.dtype in _FLOATS:
        digest.update(b"float")
        digest.update(column.cast(pl.Float64).fill_null(0.0).to_numpy().tobytes())
    elif isinstance(column.dtype, pl.List):
        digest.update(b"list")
        digest.update(column.list.len().fill_null(0).cast(pl.Int64).to_numpy().tobytes())
        digest.update(_column_digest(column.drop_nulls().explode(empty_as_null=False)))
    else:
        digest.update(b"text")
        codes, texts = _texts(column)
        digest.update("\x1f".join(texts).encode())
        digest.update(codes.tobytes())
    return digest.digest()


def _texts(column: pl.Series) -> tuple[np.ndarray, list[str]]:
    """Return (codes, sorted distinct texts) of a text column; null counts as the empty text."""
    text = column.cast(pl.String).fill_null("")
    distinct = sorted(text.unique().to_list())
    coded = text.cast(pl.Enum(distinct)).to_physical()
    return coded.to_numpy().astype(np.int64), distinct
