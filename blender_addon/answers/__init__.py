# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses that meet the conditions: found, kept with the armature, shown as ghosts, followed while dragging."""
