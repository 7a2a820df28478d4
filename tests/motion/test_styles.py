# SPDX-License-Identifier: Apache-2.0
"""Style labels from folders and tables."""

import pytest

from drmm_engine.motion.styles import labels, read_table


def test_folders_name_the_styles_of_files_members_of_zips_and_clips_in_files():
    sources = ["/a/Sneaky/one.bvh", "/a/set.zip/Proud/two.bvh", "/a/set.zip/three.bvh", "/a/Old/rig.fbx/Armature|walk"]
    assert labels(sources, "folders") == ["Sneaky", "Proud", "set", "Old"]


def test_a_table_goes_by_the_clips_name_or_its_files_and_leaves_the_others_without(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("\ufeffminutes, File ,STYLE\n1,one.bvh,calm\n2,rig.fbx,old\n3,sneak,sly\n4,none.bvh,\n")
    sources = ["/x/one.bvh", "/x/rig.fbx/walk", "/x/rig.fbx/sneak", "/x/none.bvh", "/x/other.bvh"]
    assert labels(sources, str(table)) == ["calm", "old", "sly", "", ""]


@pytest.mark.parametrize(("text", "said"), [
    ("", "got nothing"),
    ("file,mood\na,b\n", "columns file and style is expected, got file, mood"),
    ("file,style\na.bvh,calm\na.bvh,proud\n", "line 3: 'a' has two styles, 'calm' and 'proud'"),
])
def test_a_table_that_makes_no_sense_is_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_table(tmp_path / "t.csv")


def test_a_table_of_other_clips_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("clip,label\nelsewhere,calm\n")
    with pytest.raises(ValueError, match="none of the 1 clips is in this table"):
        labels(["/x/one.bvh"], str(tmp_path / "t.csv"))
