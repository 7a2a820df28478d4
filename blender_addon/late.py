# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are read when first used, so that the extension is enabled in an instant."""

import importlib.util
import sys

# What buttons and panels call, none of which holds a class, a handler or a setting of its own.
WORKING = (
    "action", "armature", "channels", "character", "models", "posing", "review", "walk",
    "answers.keying", "answers.live", "answers.query", "answers.store",
    "background.job", "background.watch",
    "conditions.goals", "conditions.make", "conditions.presets", "conditions.read", "conditions.renamed",
    "data.learn",
    "direction.cycles", "direction.gather", "direction.inbetweens", "direction.keyed", "direction.labels",
    "direction.plan", "direction.poses", "direction.shapes",
    "rig.bones", "rig.choose", "rig.fan", "rig.learn", "rig.learned", "rig.reader", "rig.sources", "rig.writer",
    "takes.again", "takes.figures", "takes.nla", "takes.patch", "takes.record", "takes.splice",
    "takes.store", "takes.strip",
)


def prepare(package: str) -> None:
    """Let the working modules of the add-on's package be executed when an attribute of theirs is first asked for."""
    for name in WORKING:
        _prepare(f"{package}.{name}")


def _prepare(name: str) -> None:
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)
