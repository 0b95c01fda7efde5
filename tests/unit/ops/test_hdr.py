"""Brightness of HDR in the range of ordinary screens, held against a recommendation and not against ourselves."""

from __future__ import annotations

import av
import pytest


@pytest.mark.parametrize(
    ("luma", "low", "high"),
    [
        (573, 0.65, 0.85),  # 203 cd/m², white of ITU-R BT.2408: three quarters of the signal there
        (723, 0.93, 1.0),  # 1,000 cd/m², what HDR is mastered to: white
        (190, 0.0, 0.12),  # 1 cd/m²: nearly black, but not lost
    ],
)
def test_hdr_keeps_the_brightness_that_itu_r_bt_2408_gives_it(make_of, make, step, tmp_path, luma, low, high):
    grey = f"color=s=64x64:r=10:d=0.5,format=yuv420p10le,geq=lum={luma}:cb=512:cr=512"
    hdr = make(
        tmp_path / "hdr.mp4",
        *("-f", "lavfi", "-i", grey, "-c:v", "libx265", "-preset", "ultrafast"),
        *("-x265-params", "log-level=error:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc"),
    )
    [file] = make_of(hdr, "video", step("small", "compress", {}))["small"].files
    with av.open(str(file.path)) as container:
        first = next(container.decode(video=0))
    signal = (float(first.to_ndarray()[:64].mean()) - 16) / 219
    assert low <= signal <= high
