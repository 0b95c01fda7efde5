from pathlib import Path

import pytest

from hack.cluster.images import NotAnArchive, canonical, read_archive, write_busybox_archive


def test_the_busybox_image_is_the_same_each_time_and_says_its_tag(tmp_path: Path) -> None:
    for name in ("one.tar", "two.tar"):
        write_busybox_archive(tmp_path / name, "localhost/box:1", ["/bin/busybox", "sh"])

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    [image] = read_archive(tmp_path / "one.tar")
    assert ("localhost/box:1",) == image.tags
    assert image.config_digest.startswith("sha256:")


def test_another_command_is_another_image_under_the_same_tag(tmp_path: Path) -> None:
    for command in ("sh", "sleep"):
        write_busybox_archive(tmp_path / command, "localhost/box:1", ["/bin/busybox", command])

    digests = {read_archive(tmp_path / command)[0].config_digest for command in ("sh", "sleep")}
    assert 2 == len(digests)


def test_a_file_that_is_no_archive_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a tar")

    with pytest.raises(NotAnArchive, match=r"notes\.txt"):
        read_archive(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("busybox:1", "docker.io/library/busybox:1"),
        ("acme/ops:1", "docker.io/acme/ops:1"),
        ("localhost/mediaops/ops:1", "localhost/mediaops/ops:1"),
        ("example.com/ops:1", "example.com/ops:1"),
        ("registry:5000/ops:1", "registry:5000/ops:1"),
    ],
)
def test_a_tag_without_a_registry_is_dockers(tag: str, expected: str) -> None:
    assert expected == canonical(tag)
