# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators `bpy.ops.drmm.*`: they gather, call, and write back."""

from . import answers, between, conditions, data, lists, mapping, model, pose, retake, rig, sets, takes, walk

CLASSES = (*mapping.CLASSES, *model.CLASSES, *lists.CLASSES, *walk.CLASSES, *pose.CLASSES, *rig.CLASSES)
CLASSES += (*conditions.CLASSES, *sets.CLASSES, *answers.CLASSES, *data.CLASSES)
CLASSES += (*takes.CLASSES, *retake.CLASSES, *between.CLASSES)
