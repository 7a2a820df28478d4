# SPDX-License-Identifier: GPL-3.0-or-later
"""Direction of a walk: targets and routes, places to keep out of, and how the walk becomes keys."""
