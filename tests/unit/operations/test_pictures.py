"""What crop, filter, compress and thumbnail do to a picture, as filters and sizes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mediaops.models.base import FileType
from mediaops.operations import compress, crop, filter, thumbnail
from mediaops.operations.compress import Codec, CompressParameters
from mediaops.operations.crop import CropParameters
from mediaops.operations.filter import FilterParameters
from mediaops.operations.thumbnail import ThumbnailParameters
from mediaops.picture import Picture, PlanError

FULL_HD = Picture(1920, 1080, 30.0)
PHOTO = Picture(4001, 3001)


def cropped(picture: Picture, **block: object) -> tuple[tuple[int, int], list[str]]:
    parameters = CropParameters.model_validate(block).resolved(FileType.VIDEO)
    change = crop.plan(parameters, picture)
    return (change.picture.width, change.picture.height), list(change.filters)


def filtered(*steps: dict[str, object]) -> list[str]:
    return list(filter.plan(FilterParameters.model_validate({"steps": steps}), FULL_HD).filters)


@pytest.mark.parametrize(
    ("picture", "aspect", "size", "at"),
    [
        (FULL_HD, "9:16", (608, 1080), "656:0"),
        (FULL_HD, "1:1", (1080, 1080), "420:0"),
        (FULL_HD, "4:5", (864, 1080), "528:0"),
        (Picture(768, 576, 10.0), "9:16", (324, 576), "222:0"),
        (Picture(1080, 1920, 30.0), "16:9", (1080, 608), "0:656"),
        (PHOTO, "1:1", (3001, 3001), "500:0"),
        (Picture(1440, 1080, 25.0), "16:9", (1440, 810), "0:134"),
    ],
)
def test_an_aspect_is_cut_out_of_the_middle(picture, aspect, size, at):
    assert (size, [f"crop={size[0]}:{size[1]}:{at}"]) == cropped(picture, aspect=aspect)


@pytest.mark.parametrize("mode", ["center", "pad", "blur"])
def test_a_picture_that_has_the_aspect_already_is_left_alone(mode):
    assert ((1920, 1080), []) == cropped(FULL_HD, aspect="16:9", mode=mode)


@pytest.mark.parametrize(
    ("aspect", "size", "filters"),
    [
        ("9:16", (1080, 1920), ["scale=1080:608", "pad=1080:1920:-1:-1:black"]),
        ("1:1", (1920, 1920), ["pad=1920:1920:-1:-1:black"]),
        ("4:5", (1536, 1920), ["scale=1536:864", "pad=1536:1920:-1:-1:black"]),
    ],
)
def test_padding_keeps_the_longer_side(aspect, size, filters):
    assert (size, filters) == cropped(FULL_HD, aspect=aspect, mode="pad")


def test_a_blurred_frame_is_filled_with_the_picture_itself():
    size, (text,) = cropped(FULL_HD, aspect="9:16", mode="blur")

    assert (1080, 1920) == size
    assert text.startswith(
        "split[@in][@back];[@back]scale=270:480:force_original_aspect_ratio=increase,crop=270:480,"
    )
    assert text.endswith("[@in]scale=1080:608,setsar=1[@whole];[@blurred][@whole]overlay=(W-w)/2:(H-h)/2")


def test_a_rectangle_is_cut_where_it_was_asked_for():
    assert ((400, 300), ["crop=400:300:10:20"]) == cropped(FULL_HD, x=10, y=20, width=400, height=300)


def test_a_rectangle_without_a_place_is_centred():
    assert ((400, 300), ["crop=400:300:760:390"]) == cropped(FULL_HD, width=400, height=300)


def test_a_videos_rectangle_has_even_sides_and_an_images_any():
    assert ((398, 300), ["crop=398:300:10:20"]) == cropped(FULL_HD, x=11, y=21, width=399, height=301)
    assert ((399, 301), ["crop=399:301:11:21"]) == cropped(PHOTO, x=11, y=21, width=399, height=301)


@pytest.mark.parametrize("block", [{"x": 1600, "width": 400, "height": 300}, {"width": 1922, "height": 10}])
def test_a_rectangle_outside_of_the_picture_is_impossible(block):
    with pytest.raises(PlanError, match="does not fit into the picture of 1920x1080"):
        cropped(FULL_HD, **block)


@pytest.mark.parametrize(
    ("resize", "size"),
    [
        ({"width": 720}, (720, 1280)),
        ({"height": 640}, (360, 640)),
        ({"width": 500, "height": 501}, (500, 500)),
        ({"width": 719}, (718, 1276)),
    ],
)
def test_resizing_follows_cropping(resize, size):
    result, filters = cropped(Picture(1080, 1920, 30.0), resize=resize)

    assert (size, [f"scale={size[0]}:{size[1]}"]) == (result, filters)


def test_a_size_beyond_what_encoders_take_is_impossible():
    with pytest.raises(PlanError, match="too large; the longest side is 8192"):
        cropped(PHOTO, resize={"width": 20_000})


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"brightness": 10}, "eq=brightness=0.1"),
        ({"brightness": -100}, "eq=brightness=-1"),
        ({"contrast": 20}, "eq=contrast=1.2"),
        ({"saturation": -100}, "eq=saturation=0"),
        ({"sharpen": 50}, "unsharp=luma_amount=1"),
        ({"blur": 7}, "gblur=sigma=7:steps=3"),
        ({"grayscale": {}}, "hue=s=0"),
        ({"sepia": {}}, filter.SEPIA),
        ({"vignette": 50}, "vignette=angle=0.700"),
        ({"denoise": 50}, "hqdn3d=luma_spatial=6"),
    ],
)
def test_each_filter_in_ffmpegs_language(step, text):
    assert [text] == filtered(step)


def test_a_still_is_denoised_by_what_looks_like_it_and_not_by_what_comes_after():
    parameters = FilterParameters.model_validate({"steps": [{"denoise": 40}]})
    assert ("nlmeans=s=4:p=5:r=9",) == filter.plan(parameters, PHOTO).filters


SHA = "ab" * 32


def marked(picture: Picture, **block: object) -> tuple[str, str]:
    mark = {"watermark": {"file": {"key": "logo.png", "sha256": SHA}, **block}}
    change = filter.plan(FilterParameters.model_validate({"steps": [mark]}), picture)
    return change.filters[0], change.files[0].path


@pytest.mark.parametrize(
    ("picture", "block", "place", "logo"),
    [
        (FULL_HD, {}, "x=W-w-96:y=H-h-54:format=yuv420", "288x162-100"),
        (Picture(1080, 1920, 30.0), {}, "x=W-w-194:y=H-h-672:format=yuv420", "162x288-100"),
        (Picture(1080, 1920, 30.0), {"position": "top"}, "x=(W-w)/2:y=288:", "162x288-100"),
        (PHOTO, {"position": "left", "marginPercent": 10}, "x=300:y=(H-h)/2:format=gbrp", "600x450-100"),
        (FULL_HD, {"position": "center", "sizePercent": 50}, "x=(W-w)/2:y=(H-h)/2:", "960x540-100"),
        (FULL_HD, {"position": "bottom-left", "opacityPercent": 40}, "x=96:y=H-h-54:", "288x162-40"),
    ],
)
def test_a_logo_stands_in_the_safe_area(picture, block, place, logo):
    text, path = marked(picture, **block)

    assert f"files/{SHA}-{logo}.png" == path
    assert f"movie=filename={path}[@logo0]" in text
    assert place in text


def test_a_table_is_read_by_hash_and_its_strength_is_part_of_it():
    block = {"lut": {"file": {"key": "any/where.cube", "sha256": SHA}, "strengthPercent": 70}}
    assert [f"lut3d=file=files/{SHA}-70.cube:interp=tetrahedral"] == filtered(block)
    assert ["lut3d=file=files/film-100.cube:interp=tetrahedral"] == filtered({"lut": {"look": "film"}})


def test_filters_keep_their_order_and_nothing_stays_nothing():
    assert ["hue=s=0", "gblur=sigma=3:steps=3"] == filtered({"grayscale": {}}, {"brightness": 0}, {"blur": 3})


def test_a_step_with_two_filters_is_refused():
    with pytest.raises(ValidationError):
        filter.FilterStep.model_validate({"blur": 3, "blurr": 3})


@pytest.mark.parametrize(
    ("block", "size", "rate", "filters"),
    [
        ({}, (1920, 1080), 30.0, []),
        ({"height": 720}, (1280, 720), 30.0, ["scale=1280:720"]),
        ({"height": 481}, (854, 480), 30.0, ["scale=854:480"]),
        ({"height": 2160}, (1920, 1080), 30.0, []),
        ({"fps": 24}, (1920, 1080), 24.0, ["fps=24"]),
        ({"fps": 60}, (1920, 1080), 30.0, []),
        ({"fps": 15, "height": 360}, (640, 360), 15.0, ["fps=15", "scale=640:360"]),
    ],
)
def test_compressing_takes_pixels_and_pictures_away_and_never_adds_any(block, size, rate, filters):
    change = compress.plan(CompressParameters.model_validate(block), FULL_HD)

    assert (size, rate) == ((change.picture.width, change.picture.height), change.picture.frame_rate)
    assert filters == list(change.filters)


@pytest.mark.parametrize(
    ("file_type", "codec"),
    [(FileType.VIDEO, Codec.H264), (FileType.IMAGE, Codec.JPEG), (FileType.AUDIO, Codec.AAC)],
)
def test_each_file_type_has_its_codec(file_type, codec):
    assert codec == compress.encoding(CompressParameters().resolved(file_type)).codec


def test_unresolved_parameters_have_no_encoding():
    with pytest.raises(ValueError, match="resolved"):
        compress.encoding(CompressParameters())


@pytest.mark.parametrize(
    ("block", "times"),
    [
        ({}, [1000]),
        ({"count": 1}, [1000]),
        ({"count": 4}, [1250, 3750, 6250, 8750]),
        ({"atMillis": [0, 500, 99_999]}, [0, 500, 9960]),
    ],
)
def test_when_stills_are_taken(block, times):
    assert times == thumbnail.times(ThumbnailParameters.model_validate(block), 10_000, 9960)


def test_stills_are_scaled_down_and_never_up():
    small = thumbnail.plan(ThumbnailParameters(width=640), FULL_HD)
    same = thumbnail.plan(ThumbnailParameters(width=640), Picture(320, 180, 25.0))

    assert (("scale=640:360",), ()) == (small.filters, same.filters)
    assert (640, 360) == (small.picture.width, small.picture.height)
