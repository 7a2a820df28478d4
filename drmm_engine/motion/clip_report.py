# SPDX-License-Identifier: Apache-2.0
"""What clips hold, for whoever trains on them: frames used and dropped and why, speeds, turns, contacts, body."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import leg_length
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.dataset import Motion
from drmm_engine.motion.features import FRAME_RATE, WINDOW, placement
from drmm_engine.motion.skeleton import TOES, index

SPAN = 15  # frames over which speeds and turns are taken
PERCENTILES = (5, 25, 50, 75, 95)
STANDING, SHARP = 0.3, 45.0  # m/s, degrees/s
SHOWN = 20  # files that are named in the lines


def clip_report(motion: Motion) -> dict:
    """The report in JSON's types; speeds m/s, turns degrees/s (left positive), lengths metres, shares of frames."""
    whole = [len(clip) >= WINDOW for clip in motion.clips]
    used = [clip for clip, enough in zip(motion.clips, whole, strict=True) if enough]
    standing = float(motion.rest[TOES, 2].mean())
    speeds, turns = (np.concatenate([[], *map(measure, used)]) for measure in (_speeds, _turns))
    down = np.concatenate([np.zeros((0, 2), bool), *(contacts(clip, standing) for clip in used)])
    frames = sum(map(len, used))
    return {
        "frames": frames, "minutes": round(frames / FRAME_RATE / 60, 2), "frame_rate": FRAME_RATE,
        "dropped_frames": sum(motion.cut) + sum(len(c) for c, w in zip(motion.clips, whole, strict=True) if not w),
        "speed_m_s": _percentiles(speeds), "standing": _share(speeds < STANDING),
        "turn_deg_s": _percentiles(np.abs(turns)), "left": _share(turns > SHARP), "right": _share(turns < -SHARP),
        "left_foot_down": _share(down[:, 0]), "right_foot_down": _share(down[:, 1]),
        "no_foot_down": _share(~down.any(axis=1)),
        "legs_m": round(leg_length(motion.rest), 3), "head_m": round(float(motion.rest[index("Head"), 2]), 3),
        "styles": _styles(motion), "clips": [_clip(motion, n) for n in range(len(motion.clips))],
        "left_out": [{"source": each.source, "reason": each.reason} for each in motion.left_out],
    }  # fmt: skip


def summary(report: dict) -> list[str]:
    """The report in a few short lines."""
    speed = report["speed_m_s"]
    left_out = [f"left out: {_count(len(report['left_out']), 'clip')}"] if report["left_out"] else []
    dropped = [f"dropped: {_count(report['dropped_frames'], 'frame')}"] if report["dropped_frames"] else []
    return [f"{_count(len(report['clips']), 'clip')}, {report['minutes']:g} minutes", *left_out, *dropped,
            f"{speed['5']:.1f} to {speed['95']:.1f} m/s, standing {100 * report['standing']:.0f} %",
            f"turns up to {report['turn_deg_s']['95']:.0f} degrees/s",
            f"legs {report['legs_m']:.2f} m, no foot down {100 * report['no_foot_down']:.0f} %"]


def lines(report: dict, shown: int = SHOWN) -> list[str]:
    """The report in lines for people; `shown`: files that are named, at most."""
    speed, turn = report["speed_m_s"], report["turn_deg_s"]
    short = [clip for clip in report["clips"] if clip["dropped"]]
    out = [
        f"{_count(len(report['clips']), 'clip')}, {report['frames']} frames at {report['frame_rate']:g}/s, "
        f"{report['minutes']:g} minutes used; {_count(report['dropped_frames'], 'frame')} dropped, "
        f"{_count(len(report['left_out']), 'clip')} left out",
        f"body: legs {report['legs_m']:.2f} m, head joint at {report['head_m']:.2f} m",
        "speed, m/s: " + ", ".join(f"{share} % below {speed[share]:.2f}" for share in speed)
        + f"; standing {100 * report['standing']:.0f} % of the time",
        "turning, degrees/s: " + ", ".join(f"{share} % below {turn[share]:.0f}" for share in turn)
        + f"; sharply left {100 * report['left']:.0f} %, right {100 * report['right']:.0f} % of the time",
        f"feet down: left {100 * report['left_foot_down']:.0f} %, right {100 * report['right_foot_down']:.0f} %, "
        f"neither {100 * report['no_foot_down']:.0f} % of the time",
    ]
    if report["styles"]:
        minutes = (f"{name or 'none'} {share:g} min" for name, share in report["styles"].items())
        out.append("styles: " + ", ".join(minutes))
    told = [f"left out: {each['reason']}" for each in report["left_out"]]
    told += [f"{clip['name']}: {clip['dropped']}" for clip in short]
    return out + told[:shown] + ([f"and {len(told) - shown} more"] if len(told) > shown else [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _clip(motion: Motion, number: int) -> dict:
    clip = motion.clips[number]
    cut = motion.cut[number] if motion.cut else 0
    reasons = [f"{cut} frames around a jump are dropped"] if cut else []
    if len(clip) < WINDOW:
        reasons.append(f"its {len(clip)} frames are fewer than the {WINDOW} of a window, and dropped")
    source = motion.sources[number] if motion.sources else motion.names[number]
    return {"name": motion.names[number], "source": source, "frames": len(clip),
            "style": motion.styles[number] if motion.styles else "", "dropped": "; ".join(reasons)}


def _styles(motion: Motion) -> dict[str, float]:
    total: Counter[str] = Counter()
    for style, clip in zip(motion.styles, motion.clips, strict=False):
        total[style] += len(clip)
    return {name: round(frames / FRAME_RATE / 60, 2) for name, frames in total.most_common()}


def _speeds(clip: Array) -> Array:
    """Speeds [F - 15] of the hips over the floor, m/s."""
    return np.linalg.norm(clip[SPAN:, 0, :2] - clip[:-SPAN, 0, :2], axis=-1) * FRAME_RATE / SPAN


def _turns(clip: Array) -> Array:
    """Rates of turning [F - 15] of the body, degrees a second."""
    heading = np.unwrap(placement(clip)[1])
    return np.degrees(heading[SPAN:] - heading[:-SPAN]) * FRAME_RATE / SPAN


def _percentiles(values: Array) -> dict[str, float]:
    return {str(p): round(float(np.percentile(values, p)), 2) if len(values) else 0.0 for p in PERCENTILES}


def _share(which: NDArray[np.bool_]) -> float:
    return round(float(np.mean(which)), 3) if len(which) else 0.0
