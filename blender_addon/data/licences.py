# SPDX-License-Identifier: GPL-3.0-or-later
"""Licences of clips that can be chosen, and what is written into the model; no Blender in here."""

from __future__ import annotations

CHOICES = {
    "NONE": ("Not said yet", "Say under which licence you have the clips before learning from them"),
    "OWN": ("My own, unrestricted", "You made them, or may do with them whatever you like"),
    "CC0": ("CC0 1.0", "Given to the public domain"),
    "BY": ("CC BY 4.0", "The makers must be named: fill in Source"),
    "BY_NC": ("CC BY-NC 4.0", "The makers must be named, and the model is not for commercial use"),
    "OTHER": ("Other", "Say it in your own words"),
}
NAMED = ("BY", "BY_NC")  # whose makers must be named


def said(choice: str, words: str, source: str) -> str:
    """The licence for the model; ValueError where none is said, or the makers that it wants named are not."""
    if choice == "NONE" or (choice == "OTHER" and not words.strip()):
        raise ValueError("say under which licence you have the clips: choose one under Licence")
    if choice in NAMED and not source.strip():
        raise ValueError(f"{CHOICES[choice][0]} asks that the makers of the clips are named: fill in Source")
    return words.strip() if choice == "OTHER" else CHOICES[choice][0]
