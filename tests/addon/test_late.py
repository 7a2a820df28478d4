# SPDX-License-Identifier: Apache-2.0
"""Enabling the add-on reads what registers, and the rest when it is first used."""

import json
import subprocess
import sys

import pytest

ENABLED = """
import json, os, sys, types
import bpy
import blender_addon
from blender_addon import late, rig, takes
blender_addon.register()
unread = [name for name in late.WORKING if type(sys.modules["blender_addon." + name]) is not types.ModuleType]
engine = [name for name in sys.modules if name.startswith("drmm_engine.")]
begun, added = rig.begin.__module__, takes.add.__module__
blender_addon.unregister()
blender_addon.register()
print(json.dumps([unread, engine, begun, added]), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def enabled():
    """What a Blender of its own has read once the add-on is registered."""
    done = subprocess.run([sys.executable, "-c", ENABLED], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_buttons_and_panels_wait_with_the_engine_until_they_are_used(enabled):
    assert {f"answers.{name}" for name in ("query", "live", "store")} | {"walk", "rig.learn"} <= set(enabled[0])
    assert not {"drmm_engine.model", "drmm_engine.fit", "drmm_engine.body.solver"} & set(enabled[1])


def test_public_names_are_there_when_asked_for(enabled):
    assert enabled[2:] == ["blender_addon.rig.learn", "blender_addon.takes.store"]
