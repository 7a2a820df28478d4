# SPDX-License-Identifier: Apache-2.0
"""The command that reads all clips and reports, with the process that reads what is Blender's."""

import io
import json
import shutil
import sys

import numpy as np
import pytest

from drmm_engine.motion import read_bvh
from tests.gait import write_gait_bvh
from training import blender, gather, locomotion


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clips(tmp_path):
    """A folder with a gait as BVH, and two files that this machine's Blender may or may not read."""
    (tmp_path / "calm").mkdir()
    write_gait_bvh(tmp_path / "calm" / "one.bvh", 2.0)
    (tmp_path / "a.fbx").write_bytes(b"no such format")
    (tmp_path / "b.glb").write_bytes(b"nor this")
    return tmp_path


def stand_in(monkeypatch, folder, code):
    """Have these lines run in place of the process that has bpy; `tell` speaks for it, `files` are given."""
    script = folder / "stand_in.py"
    script.write_text("import json, os, sys\nfolder, files = sys.argv[3], sys.argv[4:]\n"
                      f"tell = lambda **line: print({blender.MARK!r} + json.dumps(line), flush=True)\n{code}\n")
    runner = folder / "runner.sh"
    runner.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    runner.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(runner))


def test_the_report_tells_of_every_file(clips, capsys, monkeypatch):
    stand_in(monkeypatch, clips, "for file in files: print('noise'); tell(file=file, error='Blender cannot read it')")
    assert gather.main([str(clips), "--styles", "folders", "--json"]) == 0
    printed = capsys.readouterr().out
    report = json.loads(printed.splitlines()[-1])
    assert [clip["style"] for clip in report["clips"]] == ["calm"] and report["styles"] == {"calm": 0.03}
    assert [each["reason"].split(": ")[1] for each in report["left_out"]] == ["Blender cannot read it"] * 2
    assert "1 clip, 60 frames" in printed and f"left out: {clips / 'a.fbx'}: Blender cannot read it" in printed


def test_what_blender_reads_is_a_clip_like_any_other(clips, monkeypatch):
    clip = read_bvh(clips / "calm" / "one.bvh")
    blender.save(clips / "given.npz", [clip, clip])
    kept = blender.load(clips / "given.npz")[1]
    assert kept.joint_names == clip.joint_names and kept.end_sites.keys() == clip.end_sites.keys()
    np.testing.assert_array_equal(kept.positions(), clip.positions())
    code = f"import shutil\nfor n, file in enumerate(files): shutil.copy({str(clips / 'given.npz')!r}, " \
           "f'{folder}/{n}.npz'); tell(file=file)"
    stand_in(monkeypatch, clips, code)
    motion = gather.gather([str(clips)])
    assert len(motion.clips) == 5 and not motion.left_out
    assert motion.sources[0] == f"{clips / 'a.fbx'}/{clip.name}"


def test_blender_that_ends_on_a_file_does_not_stop_the_others(clips, monkeypatch):
    stand_in(monkeypatch, clips, "if files[0].endswith('fbx'): os._exit(7)\ntell(file=files[0], error='is empty')")
    motion = gather.gather([str(clips)])
    assert [each.reason.split(": ")[1] for each in motion.left_out] == [
        "Blender ended while it read it (status 7)", "is empty"]


def test_without_blender_its_files_are_left_out_in_one_line_each(clips, monkeypatch):
    stand_in(monkeypatch, clips, "tell(error='needs bpy to be read: pip install bpy, or save it as BVH')")
    motion = gather.gather([str(clips)])
    assert len(motion.clips) == 1
    assert [each.reason for each in motion.left_out] == [
        f"{clips / name}: needs bpy to be read: pip install bpy, or save it as BVH" for name in ("a.fbx", "b.glb")]


def test_bvh_alone_starts_no_blender(clips, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no such program")
    assert len(gather.gather([str(clips / "calm")]).clips) == 1


@pytest.mark.parametrize(("name", "said"), [("empty", "no clip in this folder"), ("gone", "No such file")])
def test_nothing_to_report_is_one_line(tmp_path, capsys, name, said):
    (tmp_path / "empty").mkdir()
    assert gather.main([str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error


def test_the_licence_is_asked_for_where_someone_can_answer(monkeypatch, capsys):
    assert gather.licence("CC0") == "CC0"
    monkeypatch.setattr(sys, "stdin", Terminal("my own, unrestricted\n"))
    assert gather.licence("") == gather.OWN
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert gather.licence("") == "" and "no --licence" in capsys.readouterr().err


def test_a_model_tells_the_licence_and_the_report_comes_with_it(clips, tmp_path, capsys):
    out = tmp_path / "m.drmm.safetensors"
    shutil.copy(clips / "calm" / "one.bvh", clips / "calm" / "two.bvh")
    arguments = [str(clips / "calm"), "--out", str(out), "--layers", "1", "--components", "4", "--iterations", "2",
                 "--copies", "0", "--walks", "0", "--held-out", "0", "--licence", "CC0", "--json"]
    assert locomotion.main(arguments) == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["report"]["frames"] == 120
