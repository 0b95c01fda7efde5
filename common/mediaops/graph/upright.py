"""The root of a pass: the source's picture as everything else takes it. Pure."""

from __future__ import annotations

from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.picture import Change, Picture, Tone


def upright(media: Media) -> Change:
    """Give the root: FFmpeg has turned the picture; here it gets square pixels, even sides, ordinary range."""
    width, height = media.width or 0, media.height or 0
    if media.file_type is FileType.IMAGE:
        return Change(Picture(width, height))
    picture = Picture(max(2, width // 2 * 2), max(2, height // 2 * 2), media.frame_rate or 25.0)
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if media.interlaced else []
    if media.hdr:
        filters.append(
            # HDR is always BT.2020 in practice; files that don't say so would have no way to BT.709 otherwise.
            Tone(
                "setparams=color_primaries=bt2020:colorspace=bt2020nc,zscale=t=linear:npl=100,format=gbrpf32le,"
                "zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv420p"
            )
        )
    if not media.square_pixels or min(width, height) < 2:
        filters.append(f"scale={picture.width}:{picture.height},setsar=1")
    elif (picture.width, picture.height) != (width, height):
        filters.append(f"crop={picture.width}:{picture.height}:0:0")
    return Change(picture, tuple(filters))
