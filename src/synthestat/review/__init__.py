"""The reviewer: a second, independent program that judges a run from its files alone.

Nothing here imports the rooms that build. Every claim of a bundle is recomputed from the bundle's
own files and from the frozen snapshots, with another engine (DuckDB) and another reading of the
country pack. `verify.py` holds the questions in the order in which they are asked.
"""
