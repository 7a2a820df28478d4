# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene remembers of the clips that a walk is learned from."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..compat import PATH
from . import licences

LICENCES = [(key, name, note) for key, (name, note) in licences.CHOICES.items()]
STYLES = [
    ("NONE", "No Styles", "Clips have no style"),
    ("FOLDERS", "Styles by Folder", "The name of the folder that a file lies in is its style"),
    ("TABLE", "Styles by Table", "A table (CSV) with the columns file and style"),
]


class DrmmData(bpy.types.PropertyGroup):
    """Where from to learn to walk, and under which licence."""

    folder: StringProperty(
        name="Clips", subtype="FILE_PATH", options=PATH,
        description="A folder, zip or file of clips: BVH, FBX, glTF or .blend; empty: none",
    )  # fmt: skip
    use_actions: BoolProperty(
        name="This File's Actions",
        description="Learn also from the Actions in this file that move the bones of the chosen armature",
    )
    mapping: StringProperty(
        name="Joint Names", subtype="FILE_PATH", options=PATH,
        description="A table (CSV) canonical,source for clips whose joints are not known by name; empty: by name",
    )  # fmt: skip
    styles: EnumProperty(name="Styles", items=STYLES, description="Where the labels of styles are from")
    table: StringProperty(
        name="Table of Styles", subtype="FILE_PATH", options=PATH,
        description="A table (CSV) with the columns file and style",
    )  # fmt: skip
    licence: EnumProperty(
        name="Licence", items=LICENCES,
        description="Under which licence you have the clips; it is kept in the model, which cannot be freer than they",
    )  # fmt: skip
    other_licence: StringProperty(name="Licence", description="The licence in your own words")
    source: StringProperty(name="Source", description="Whose clips these are, for the model; empty: name of the folder")
    seed: IntProperty(name="Seed", min=0, description="Another number learns another model of the same clips")


CLASSES = (DrmmData,)
