# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning in a process of its own: begun, watched by one timer, cancelled; Blender itself stays free."""
