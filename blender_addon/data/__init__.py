# SPDX-License-Identifier: GPL-3.0-or-later
"""Learn to Walk: a locomotion model of one's own clips, from files and from this file's Actions."""
