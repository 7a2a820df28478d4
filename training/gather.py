# SPDX-License-Identifier: Apache-2.0
"""What is in a folder of clips: python -m training.gather CLIPS... reads it all, as training does, and reports."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drmm_engine.motion.clip import Clip
from drmm_engine.motion.clip_report import clip_report, lines
from drmm_engine.motion.dataset import Motion, read_motion
from drmm_engine.motion.library import BLENDERS, Others, files_in

from . import blender

OWN = "my own, unrestricted"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    p = argparse.ArgumentParser(prog="python -m training.gather", description="What clips hold, and which cannot be "
                                "used: speeds m/s, turns degrees/s, lengths in metres.")
    add_arguments(p)
    p.add_argument("--json", action="store_true", help="print the report as one line of JSON, last on stdout")
    options = p.parse_args(arguments)
    try:
        report = clip_report(gather(options.clips, options.mapping, options.styles))
    except (ValueError, OSError) as problem:
        print(f"{p.prog}: {' '.join(str(problem).split())}", file=sys.stderr)
        return 2
    print("\n".join(lines(report)))
    if options.json:
        print(json.dumps(report))
    return 0


def add_arguments(p: argparse.ArgumentParser) -> None:
    """The arguments that say which clips, of every command that reads them."""
    p.add_argument("clips", nargs="+", metavar="CLIPS",
                   help="folders, zips or files: BVH, and with bpy also FBX, glTF and .blend (all Actions in them)")
    p.add_argument("--mapping", metavar="TABLE", help="joint names of rigs that are not known: canonical,source (csv)")
    p.add_argument("--styles", metavar="FROM", help="style labels: the word folders, for the name of each file's "
                   "folder, or a table (csv) with the columns file and style")


def gather(paths: Sequence[str], table: str | None = None, styles: str | None = None) -> Motion:
    """All clips that the paths hold, FBX, glTF and .blend through a Blender of its own; ValueError where none is."""
    wanted = [file for path in paths for file in files_in(Path(path)) if file.suffix.lower() in BLENDERS]
    with converted(wanted) as others:
        return read_motion(paths, table, styles, others)


def licence(given: str) -> str:
    """The licence of the clips as given, or asked for where a person is there to answer; it is kept in the model."""
    if not given and sys.stdin.isatty():
        given = input(f"Licence of the clips ({OWN!r}, CC BY 4.0, ...): ").strip()
    if not given:
        print("no --licence of the clips is said; the model's file will not tell it", file=sys.stderr)
    return given


@contextmanager
def converted(files: Sequence[Path]) -> Iterator[Others]:
    """What gives the clips of files of Blender's formats; a file on which Blender ends does not stop the others."""
    with tempfile.TemporaryDirectory(prefix="drmm-") as folder:
        results: dict[Path, list[Clip] | str] = {}
        while len(results) < len(files):
            left = [file for file in files if file not in results]
            results |= _run(Path(folder), left)
        yield lambda file: _given(results, file)


def _given(results: dict[Path, list[Clip] | str], file: Path) -> list[Clip]:
    found = results[file]
    if isinstance(found, str):
        raise ValueError(found)
    return found


def _run(folder: Path, files: list[Path]) -> dict[Path, list[Clip] | str]:
    """Clips of files, or what is wrong with each, of as many as one process manages: at least of the first."""
    results: dict[Path, list[Clip] | str] = {}
    command = [sys.executable, "-m", blender.__name__, str(folder), *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout or ():
            if line.startswith(blender.MARK):
                said = json.loads(line.removeprefix(blender.MARK))
                if "file" not in said:
                    return dict.fromkeys(files, said["error"])
                number = len(results)
                print(f"{number + 1} of {len(files)} read through Blender: {files[number].name}", file=sys.stderr)
                results[files[number]] = said.get("error") or blender.load(folder / f"{number}.npz")
    if len(results) < len(files):
        results[files[len(results)]] = f"Blender ended while it read it (status {process.returncode})"
    return results


if __name__ == "__main__":
    raise SystemExit(main())
