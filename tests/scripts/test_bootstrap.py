# SPDX-License-Identifier: Apache-2.0
"""The way from a bare Python into the project's environment, without a network."""

import json
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest

from scripts import bootstrap


def without(*absent):
    """A loader of libraries on a machine that lacks these."""

    def load(library):
        if library in absent:
            raise OSError(f"{library}: cannot open shared object file: No such file or directory")

    return load


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A Python outside any environment, on Linux, which records the commands it would run."""
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "venv" / "installed.json")
    monkeypatch.setattr(bootstrap, "missing_packages", lambda libraries: [])
    monkeypatch.setattr(bootstrap.venv, "create", lambda path, with_pip: path.mkdir(exist_ok=True))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "argv", ["scripts/demo.py", "--seed", "3"])
    calls = []
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command, **_: calls.append(command) or 0)
    return calls


def test_only_the_missing_libraries_are_named(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    missing = bootstrap.missing_packages(bootstrap.LIBRARIES, without("libSM.so.6", "libXi.so.6"))
    assert missing == ["libxi6", "libsm6"]
    line = bootstrap.explain(missing)
    assert line.endswith("sudo apt-get install libxi6 libsm6") and "\n" not in line


def test_no_system_library_is_asked_of_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert bootstrap.missing_packages(bootstrap.LIBRARIES, without(*bootstrap.LIBRARIES)) == []


def test_the_machine_that_runs_blender_lacks_nothing():
    code = f"import sys; sys.path.insert(0, {str(bootstrap.ROOT)!r}); import bpy\n"
    code += "from scripts import bootstrap; print(bootstrap.missing_packages(bootstrap.LIBRARIES), flush=True)\n"
    code += "import os; os._exit(0)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    missing = set(json.loads(answer.stdout.splitlines()[-1].replace("'", '"')))
    assert missing <= {"libgomp1", "libxxf86vm1"}, "only Blender 4.2 needs these two"


def test_a_missing_library_stops_with_one_line_and_code_2(bare, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "missing_packages", lambda libraries: ["libsm6"])
    with pytest.raises(SystemExit) as end:
        bootstrap.enter("blender")
    assert end.value.code == 2 and bare == []
    assert capsys.readouterr().err == f"demo.py: {bootstrap.explain(['libsm6'])}\n"


def test_a_command_without_blender_needs_no_system_library(bare, monkeypatch):
    monkeypatch.setattr(bootstrap, "missing_packages", lambda libraries: ["libsm6"])
    with pytest.raises(SystemExit) as end:
        bootstrap.enter("train")
    assert end.value.code == 0


def test_another_python_is_refused(bare, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "sys", SimpleNamespace(**{**vars(sys), "version_info": (3, 13, 1)}))
    with pytest.raises(SystemExit) as end:
        bootstrap.enter("blender")
    assert end.value.code == 2 and bare == []
    assert "needs Python 3.11" in capsys.readouterr().err


def test_installs_once_and_goes_on_inside(bare):
    for extras in (["blender"], ["blender"], ["train", "dev"]):
        with pytest.raises(SystemExit) as end:
            bootstrap.enter(*extras)
        assert end.value.code == 0
    inside = [bootstrap._python(), "scripts/demo.py", "--seed", "3"]
    assert [command for command in bare if "pip" not in command] == [inside] * 3
    targets = [command[-1] for command in bare if "pip" in command]
    assert targets == [f"{bootstrap.ROOT}[blender]", f"{bootstrap.ROOT}[blender,dev,train]"]


def test_new_pins_are_installed(bare, tmp_path, monkeypatch):
    pins = tmp_path / "constraints.txt"
    monkeypatch.setattr(bootstrap, "PINS", (pins, pins))
    for text in ("numpy==1.26.4", "numpy==2.0.0"):
        pins.write_text(text)
        with pytest.raises(SystemExit):
            bootstrap.enter("blender")
    assert sum("pip" in command for command in bare) == 2


def test_a_failed_installation_is_tried_again(bare, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command, **_: bare.append(command) or 1)
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            bootstrap.enter("blender")
        assert end.value.code == 2
    assert len(bare) == 2 and "installation failed" in capsys.readouterr().err


def test_every_extra_and_every_pin_is_known():
    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text())["project"]
    assert set(bootstrap.MODULES) == {"", *project["optional-dependencies"]}
    pinned = {line.split("==")[0] for line in bootstrap.PINS[1].read_text().splitlines() if not line.startswith("#")}
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    assert {requirement.split(">=")[0] for requirement in wanted} <= pinned
