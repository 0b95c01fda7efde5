"""What a pass makes of images: upright, in one colour space, with nothing left that tells of the camera."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from mediaops.models.base import FileType
from mediaops_ops import probe
from tests.unit.ops.looking import BLUE, RED, WHITE, near, rendition


@pytest.fixture
def photo(tmp_path):
    """Stored lying, shown upright: red above blue, 60 wide and 80 high once turned."""
    upright = Image.new("RGB", (60, 80), BLUE)
    upright.paste(RED, (0, 0, 60, 40))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = lying.getexif()
    exif[0x0112] = 6
    exif[0x010F] = "the camera's maker"
    lying.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize(("codec", "form"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("avif", "AVIF")])
def test_each_image_codec_upright_and_without_its_exif(make_of, photo, step, codec, form):
    path = rendition(
        make_of(photo, "image", step("small", "compress", {"codec": codec, "height": 40}))["small"]
    )

    with Image.open(path) as image:
        assert (form, (30, 40)) == (image.format, image.size)
        assert near(image.convert("RGB").getpixel((15, 5)), RED)
        assert near(image.convert("RGB").getpixel((15, 35)), BLUE)
        assert not image.getexif()
    assert b"the camera's maker" not in path.read_bytes()


def test_an_image_goes_through_the_same_chain(make_of, photo, step):
    made = make_of(
        photo,
        "image",
        step("square", "crop", {"aspect": "1:1", "mode": "center"}),
        step("grey", "filter", {"steps": [{"grayscale": {}}]}, input="square"),
        step("small", "compress", {"codec": "webp", "height": 30}, input="grey"),
        step("poster", "thumbnail", {"width": 20}, input="square"),
        step("post", "caption", {}),
    )

    assert "image/jpeg" == made["square"].files[0].media_type
    assert (60, 60) == Image.open(rendition(made["square"])).size
    red, green, blue = Image.open(rendition(made["small"])).convert("RGB").getpixel((15, 5))
    assert max(red, green, blue) - min(red, green, blue) <= 4
    assert (20, 20) == Image.open(made["poster"].files[0].path).size
    assert made["post"].texts


def test_what_is_transparent_becomes_white(make_of, step, tmp_path):
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    path = rendition(make_of(tmp_path / "clear.png", "image", step("small", "compress", {}))["small"])

    assert near(Image.open(path).getpixel((10, 10)), WHITE, 3)


def test_a_phones_jpeg_with_a_second_picture_is_a_jpeg(make_of, step, tmp_path):
    Image.new("RGB", (20, 20), RED).save(
        tmp_path / "two.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (20, 20), BLUE)]
    )
    media = probe.check(tmp_path / "two.jpg", FileType.IMAGE)
    path = rendition(make_of(tmp_path / "two.jpg", "image", step("same", "crop", {}))["same"])

    assert ("image/jpeg", "jpg") == (media.media_type, media.extension)
    assert near(Image.open(path).getpixel((10, 10)), RED)


def test_deep_grey_keeps_its_shades(make_of, step, tmp_path):
    Image.fromarray(np.full((20, 20), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    path = rendition(make_of(tmp_path / "deep.png", "image", step("same", "crop", {}))["same"])

    assert near(Image.open(path).getpixel((10, 10)), (128, 128, 128), 2)


def test_a_colour_profile_is_applied_and_taken_out(make_of, step, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (20, 20), (200, 30, 90)).save(tmp_path / "profiled.png", icc_profile=profile)
    path = rendition(make_of(tmp_path / "profiled.png", "image", step("same", "crop", {}))["same"])

    with Image.open(path) as image:
        assert near(image.getpixel((10, 10)), (200, 30, 90), 2)
        assert "icc_profile" not in image.info
