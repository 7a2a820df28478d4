# SPDX-License-Identifier: Apache-2.0
"""Style labels of clips: the folder that a file lies in, or the user's own table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePath

from drmm_engine.motion.library import BLENDERS

FOLDERS = "folders"
CLIP_COLUMNS, STYLE_COLUMNS = ("file", "clip", "name"), ("style", "label")


def labels(sources: Sequence[str], way: str) -> list[str]:
    """A label for each source (a file, a member of a zip, a clip of a file), "" where none is said.

    way: "folders" for the name of the folder or zip that holds the file, else the path of a table (CSV) with a column
    file, clip or name, and a column style or label; other columns do not matter. ValueError where no source gets one.
    """
    found = [_folder(source) for source in sources] if way == FOLDERS else _looked_up(sources, read_table(way))
    if not any(found):
        raise ValueError(f"{way}: none of the {len(sources)} clips is in this table, by the name of its file")
    return found


def read_table(path: str | Path) -> dict[str, str]:
    """Name of a file without its ending -> label; ValueError says what the table lacks, or which line repeats."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        heads = {str(head).strip().lower(): head for head in rows.fieldnames or ()}
        clip, style = (next((heads[n] for n in names if n in heads), None) for names in (CLIP_COLUMNS, STYLE_COLUMNS))
        if clip is None or style is None:
            raise ValueError(f"{Path(path).name}: a first line with the columns file and style is expected, got "
                             f"{', '.join(heads) or 'nothing'}")
        table: dict[str, str] = {}
        for row in rows:
            stem, label = _stem((row[clip] or "").strip()), (row[style] or "").strip()
            if table.setdefault(stem, label) != label:
                raise ValueError(f"{Path(path).name}, line {rows.line_num}: {stem!r} has two styles, "
                                 f"{table[stem]!r} and {label!r}")
    return table


def _looked_up(sources: Sequence[str], table: dict[str, str]) -> list[str]:
    """By the clip's own name, else by its file's."""
    return [table.get(_stem(source)) or table.get(_stem(str(_file(source))), "") for source in sources]


def _folder(source: str) -> str:
    folder = _file(source).parent
    return folder.stem if folder.suffix.lower() == ".zip" else folder.name


def _file(source: str) -> PurePath:
    """The file of a source, which for a clip of Blender's formats is what stands before its name."""
    path = PurePath(source)
    return next((above for above in path.parents if above.suffix.lower() in BLENDERS), path)


def _stem(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix.lower() in (".bvh", *BLENDERS) else path.name
