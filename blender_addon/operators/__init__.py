# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators `bpy.ops.drmm.*`: they gather, call, and write back."""

from . import lists, mapping, model, pose, rig, walk

CLASSES = (*mapping.CLASSES, *model.CLASSES, *lists.CLASSES, *walk.CLASSES, *pose.CLASSES, *rig.CLASSES)
