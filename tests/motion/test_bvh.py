# SPDX-License-Identifier: Apache-2.0
"""The BVH reader and writer against a naive second reader, odd spellings, damaged files and round trips."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.motion import Clip, read_bvh, write_bvh
from tests.gait import walk
from tests.motion.bvh_files import SMALL, Joint, naive_positions, place_joints


def read(text, **options):
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "folder/small.bvh"
    return read_bvh(file, **options)


def raw(text):
    """Positions in the axes and the unit of the file."""
    return read(text, up="Z", scale=1.0).positions()


def test_positions_agree_with_the_naive_reader():
    clip = read(SMALL)
    assert clip.name == "small" and clip.joint_names == ("Hips", "Spine", "Head", "Tail")
    assert clip.parents.tolist() == [-1, 0, 1, 0] and clip.frame_rate == 25.0
    assert clip.frames == 3 and clip.seconds == pytest.approx(0.12)
    truth = naive_positions(SMALL)
    assert np.allclose(raw(SMALL), truth, atol=1e-9)
    # Y up, centimetres, as nothing else is known of this tailed creature.
    assert np.allclose(clip.positions(), truth[..., [0, 2, 1]] * [0.01, -0.01, 0.01], atol=1e-12)
    assert np.allclose(clip.offsets[1], [0.0, -0.015, 0.1])
    assert clip.end_sites.keys() == {2, 3} and np.allclose(clip.end_sites[3], [0, 0.2, 0])


def test_world_rotations_carry_rest_offsets_to_the_pose():
    clip = read(SMALL)
    positions, rotations = clip.positions(), clip.rotations()
    assert np.allclose(np.linalg.norm(rotations, axis=-1), 1)
    for child, parent in ((1, 0), (2, 1), (3, 0)):
        carried = positions[:, parent] + rot.rotate(rotations[:, parent], clip.offsets[child])
        assert np.allclose(carried, positions[:, child])


SPELLINGS = {
    "CRLF": SMALL.replace("\n", "\r\n"),
    "CR alone": SMALL.replace("\n", "\r"),
    "byte order mark": "\ufeff" + SMALL,
    "tabs and doubled blanks": SMALL.replace("  ", "\t").replace(" ", "  "),
    "blank lines": SMALL.replace("\n", "\n \n\n"),
    "no final line end": SMALL.rstrip("\n"),
    "trailing blanks": SMALL.replace("\n", "  \t\n"),
    "brace on the same line": SMALL.replace("Hips\n{", "Hips {").replace("Spine\n  {", "Spine{"),
    "closing braces together": SMALL.replace("      }\n    }\n  }\n", "      }  } }\n"),
    "no leading zeros": SMALL.replace("0.04", ".04"),
    "exponents": SMALL.replace("1.5 91.25", "1.5E+000 9125e-2").replace(" 0 ", " 0.0e-17 "),
    "lower case": SMALL.replace("ROOT", "root").replace("OFFSET", "Offset").replace("Zrotation", "zRotation"),
    "header without colons": SMALL.replace("Frames:", "FRAMES").replace("Time:", "Time"),
    "header with tabs": SMALL.replace("Frames: ", "Frames:\t"),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_of_the_same_file_give_the_same_motion(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clip = read(text)
    assert np.array_equal(clip.positions(), read(SMALL).positions()) and clip.frame_rate == 25.0


@pytest.mark.parametrize("name", ["Left Up Leg", "rig:Spine", "JOINT", "Wirbelsäule", "a.b-c_d", "背骨"])
def test_names_are_kept_as_they_are(name):
    assert read(SMALL.replace("Spine", name)).joint_names[1] == name


def test_latin_names_of_old_programs_are_read():
    assert read(SMALL.replace("Spine", "Rücken").encode("latin-1")).joint_names[1] == "Rücken"


@pytest.mark.parametrize(
    ("seconds", "rate"), [(".0333333", 30), ("0.033333", 30), (".03333", 30), ("0.0083333", 120), ("0.0416667", 24)]
)
def test_rates_are_whole_where_the_frame_time_has_few_digits(seconds, rate):
    assert read(SMALL.replace("0.04", seconds)).frame_rate == rate


def test_a_rate_of_television_is_not_rounded():
    assert read(SMALL.replace("0.04", "0.0333667")).frame_rate == pytest.approx(29.97, abs=1e-3)


def test_position_channels_replace_the_offset_of_any_joint():
    text = SMALL.replace("3 Yrotation Zrotation Xrotation", "5 Zposition Yrotation Xposition Zrotation Xrotation")
    rows = text.splitlines()
    for n in (-3, -2, -1):
        numbers = rows[n].split()
        rows[n] = " ".join([*numbers[:6], "7.5", numbers[6], "-2", *numbers[7:]])
    text = "\n".join(rows) + "\n"
    assert np.allclose(raw(text), naive_positions(text), atol=1e-9)
    assert np.allclose(read(text, up="Z", scale=1).local_positions[:, 1], [-2, 10, 7.5])


@st.composite
def made_up(draw):
    """Joints, rows and a file that says so, with channels of any kind in any order."""
    kinds = [f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ"]
    number = st.floats(-200, 200).map(lambda x: round(x, 4))
    joints = []
    for n in range(draw(st.integers(1, 6))):
        channels = draw(st.permutations(kinds))[: draw(st.integers(0 if n else 1, 6))]
        parent = draw(st.integers(0, n - 1)) if n else -1
        joints.append(Joint(f"j{n}", parent, [draw(number) for _ in range(3)], channels))
    width = sum(len(joint.channels) for joint in joints)
    rows = [[draw(number) for _ in range(width)] for _ in range(draw(st.integers(1, 3)))]
    return joints, rows


def written(joints, rows, order):
    """The text of a BVH file, and fills `order` with the joints as they come in it."""

    def block(index):
        order.append(index)
        joint = joints[index]
        word = "ROOT" if joint.parent < 0 else "JOINT"
        offset = " ".join(map(str, joint.offset))
        yield f"{word} {joint.name}\n{{\nOFFSET {offset}\nCHANNELS {len(joint.channels)} {' '.join(joint.channels)}\n"
        for child, other in enumerate(joints):
            if other.parent == index:
                yield from block(child)
        yield "}\n"

    hierarchy = "".join(block(0))
    starts = np.cumsum([0] + [len(joint.channels) for joint in joints])
    columns = [column for index in order for column in range(starts[index], starts[index + 1])]
    lines = "".join(" ".join(str(row[column]) for column in columns) + "\n" for row in rows)
    return f"HIERARCHY\n{hierarchy}MOTION\nFrames: {len(rows)}\nFrame Time: 0.01\n{lines}"


@settings(max_examples=60, deadline=None)
@given(made_up())
def test_any_hierarchy_with_any_channels_is_placed_as_matrices_place_it(made):
    joints, rows = made
    order = []
    positions = raw(written(joints, rows, order))
    truth = np.array([place_joints(joints, row) for row in rows])[:, order]
    assert np.allclose(positions, truth, atol=1e-9 * max(1, np.abs(truth).max()))


def test_more_frames_declared_than_there_are_is_a_warning():
    with pytest.warns(UserWarning, match="small.bvh: 7 frames declared, 3 whole frames used"):
        clip = read(SMALL.replace("Frames: 3", "Frames: 7"))
    assert np.array_equal(clip.positions(), read(SMALL).positions())


def test_fewer_frames_declared_than_there_are_is_a_warning():
    with pytest.warns(UserWarning, match="2 frames declared, 3 whole frames used"):
        assert read(SMALL.replace("Frames: 3", "Frames: 2")).frames == 3


def test_a_file_cut_anywhere_is_refused_or_gives_whole_frames_with_a_warning():
    whole = read(SMALL).positions()
    last_number = SMALL.rindex(" ") + 1
    for cut in range(last_number + 1):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                positions = read(SMALL[:cut]).positions()
            except ValueError as error:
                assert str(error).startswith("small.bvh, line ")
                continue
        assert warned and 0 < len(positions) < 3
        assert np.array_equal(positions, whole[: len(positions)])


DAMAGE = {
    "empty": ("", "", 1, "the file ends before its MOTION section"),
    "another format": (SMALL, "Kaydara FBX Binary", 1, "begins with 'KAYDARA'"),
    "a word that does not belong": ("OFFSET 0 10 1.5", "SCALE 1 1 1", 8, "unexpected 'SCALE' in 'Spine'"),
    "a short offset": ("OFFSET 0 10 1.5", "OFFSET 0 10", 8, "OFFSET of 'Spine' has 2 numbers instead of 3"),
    "no offset": ("    OFFSET 0 10 1.5\n", "", 18, "'Spine' has no OFFSET"),
    "an offset that is no number": ("OFFSET 0 10 1.5", "OFFSET 0 nan 1.5", 8, "'nan' is not a finite number"),
    "an unknown channel": ("CHANNELS 3 Yrotation", "CHANNELS 3 Yscale", 9, "channel 'Yscale' of 'Spine'"),
    "a wrong count of channels": ("CHANNELS 3 Yrotation", "CHANNELS 4 Yrotation", 9, "says '4' channels and lists 3"),
    "a missing brace": ("Spine\n  {", "Spine", 7, "'{' expected after 'Spine'"),
    "a brace too many": ("}\nMOTION", "}\n}\nMOTION", 30, "unexpected '}'"),
    "an open block": ("  }\n}\nMOTION", "  }\nMOTION", 29, "unexpected 'MOTION' in 'Hips'"),
    "a joint without a name": ("JOINT Spine", "JOINT", 6, "JOINT without a name"),
    "a root inside": ("JOINT Spine", "ROOT Spine", 6, "ROOT Spine stands at the wrong level"),
    "no frame count": ("Frames: 3", "Frames:", 31, "'Frames: <count>' expected"),
    "no frame time": ("Frame Time: 0.04\n", "", 32, "'Frame Time: <seconds>' expected"),
    "a frame time of zero": ("0.04", "0.0", 32, "frame time 0.0 is not above zero"),
    "a frame time that is no number": ("0.04", "soon", 32, "'soon' is not a finite number"),
    "nan in the motion": ("1.6 91.5", "nan 91.5", 34, "'nan' is not a finite number"),
    "infinity in the motion": ("1.6 91.5", "1.6 -inf", 34, "'-inf' is not a finite number"),
    "a decimal comma": ("1.6 91.5", "1,6 91.5", 34, "'1,6' is not a finite number"),
    "a number too few": ("1.6 91.5", "1.6", 34, "14 numbers instead of 15"),
    "a number too many": ("1.6 91.5", "1.6 91.5 7", 34, "16 numbers instead of 15"),
    "a row cut off": (" 17.5 27.25\n", "", 35, "13 numbers instead of 15: the file is cut off"),
    "text after the motion": ("27.25\n", "27.25\nend of file\n", 36, "'end' is not a finite number"),
}


@pytest.mark.parametrize(("old", "new", "line", "reason"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named_with_file_line_and_reason(old, new, line, reason):
    text = SMALL.replace(old, new, 1) if old else new
    assert text != SMALL
    with pytest.raises(ValueError) as error:
        read(text)
    message = str(error.value)
    assert message.startswith(f"small.bvh, line {line}: ") and reason in message and "\n" not in message


def test_a_file_without_frames_is_refused():
    with pytest.raises(ValueError, match="no whole frame"):
        read(SMALL[: SMALL.index("1.5 91.25")].replace("Frames: 3", "Frames: 0"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(SMALL)), st.integers(0, 40))
def test_random_bytes_inside_a_file_never_do_worse_than_a_refusal(junk, start, length):
    data = SMALL.encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clip = read(data[:start] + junk + data[start + length :])
        except ValueError as error:
            assert "\n" not in str(error) and str(error).startswith("small.bvh, line ")
        else:
            assert np.all(np.isfinite(clip.positions()))


@pytest.mark.parametrize(("option", "value"), [("up", "X"), ("scale", 0.0), ("scale", float("nan"))])
def test_impossible_options_are_refused(option, value):
    with pytest.raises(ValueError, match=option):
        read(SMALL, **{option: value})


# Axes and units: the same walk written in other ones must come back the same.


def rewritten(clip: Clip, unit: float, up: str, tmp_path) -> Clip:
    """A clip through a file that counts in units of so many metres, with Y or Z up, and back."""
    path = tmp_path / "other.bvh"
    write_bvh(clip, path)
    lines = path.read_text().splitlines()
    first = lines.index("MOTION") + 3
    factor = 0.01 / unit
    for n, line in enumerate(lines):
        words = line.split()
        if words[0] == "OFFSET":
            lines[n] = " ".join(["OFFSET", *(f"{float(word) * factor:.8f}" for word in words[1:])])
        if n >= first:
            place = [float(word) * factor for word in words[:3]]
            turn = rot.from_euler(np.radians([float(word) for word in words[3:6]]), "ZXY")
            if up == "Z":  # Only the root is turned, as programs do: the rest pose stays as it was.
                place = [place[0], -place[2], place[1]]
                turn = rot.multiply(rot.from_euler([np.pi / 2], "X"), turn)
            angles = np.degrees(rot.to_euler(turn, "ZXY"))
            lines[n] = " ".join([*(f"{value:.8f}" for value in (*place, *angles)), *words[6:]])
    path.write_text("\n".join(lines) + "\n")
    return read_bvh(path)


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("unit", [1.0, 0.1, 0.01, 0.0254, 0.0254 / 0.45])
def test_up_axis_and_unit_of_a_humanoid_are_detected(unit, up, tmp_path):
    clip = walk(1.0)
    assert np.allclose(rewritten(clip, unit, up, tmp_path).positions(), clip.positions(), atol=1e-5)


def test_up_axis_and_unit_can_be_given(tmp_path):
    clip = walk(0.5)
    write_bvh(clip, tmp_path / "walk.bvh")
    in_file = naive_positions((tmp_path / "walk.bvh").read_text())
    assert np.allclose(read_bvh(tmp_path / "walk.bvh", up="Z", scale=0.5).positions(), 0.5 * in_file, atol=1e-9)


def test_a_walk_comes_back_from_its_file(tmp_path):
    clip = walk(2.0, turn_rate=0.7, seed=3)
    write_bvh(clip, tmp_path / "walk.bvh")
    back = read_bvh(tmp_path / "walk.bvh")
    assert back.joint_names == clip.joint_names and back.parents.tolist() == clip.parents.tolist()
    assert back.frame_rate == clip.frame_rate and back.frames == clip.frames
    assert np.allclose(back.positions(), clip.positions(), atol=1e-6)
    dots = np.abs(np.sum(back.rotations() * clip.rotations(), axis=-1))
    assert np.allclose(dots, 1, atol=1e-10)
    assert all(np.allclose(back.end_sites[joint], tip, atol=1e-6) for joint, tip in clip.end_sites.items())


def test_joints_that_leave_their_offset_come_back_too(tmp_path):
    clip = read(SMALL)
    clip.local_positions[:, 2] += np.random.default_rng(0).normal(size=(3, 3))
    write_bvh(clip, tmp_path / "moved.bvh")
    assert np.allclose(read_bvh(tmp_path / "moved.bvh").positions(), clip.positions(), atol=1e-6)
    assert (tmp_path / "moved.bvh").read_text().count("CHANNELS 6") == 2


def test_writing_leaves_one_whole_file_or_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "walk.bvh"
    write_bvh(walk(0.2), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(ValueError, match="walk.bvh: cannot be written: disk full"):
        write_bvh(walk(0.5), path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["walk.bvh"]
