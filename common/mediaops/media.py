"""What a probe finds out about a media file: all that the pure plans need to know of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mediaops.models.base import FileType, Millis, Model, Pixels
from mediaops.models.work import Measured


class Sound(Model):
    """The first sound stream of a file."""

    stream: Annotated[int, Field(ge=0)] = 0
    """Its index among the file's streams."""
    codec: str
    """FFmpeg's name of the coding format, such as aac."""
    profile: str | None = None
    """The coding format's profile, such as LC."""
    channels: Annotated[int, Field(ge=1, le=64)] = 2
    sample_rate: Annotated[int, Field(ge=1)] = 48_000
    """Samples per second."""
    size_bytes: Annotated[int, Field(ge=0)] | None = None
    """What it takes in the file, without the container's own."""


class Media(Model):
    """The facts of one file, of its upright picture with square pixels where it has one."""

    file_type: FileType
    format: str
    """FFmpeg's first name of the container, such as mov, or Pillow's of the image, such as jpeg."""
    media_type: Annotated[str, Field(max_length=127)]
    """IANA media type."""
    extension: Annotated[str, Field(pattern=r"^[a-z0-9]{1,8}$")]
    """What a file of this type is called, without the dot."""
    size_bytes: Annotated[int, Field(ge=0)] = 0
    duration_millis: Millis | None = None
    """Length of the longest stream; None for images."""
    width: Pixels | None = None
    """Width in pixels after rotation, with square pixels; None for sound."""
    height: Pixels | None = None
    """Height in pixels after rotation, with square pixels; None for sound."""
    picture_stream: Annotated[int, Field(ge=0)] = 0
    """Index of the picture among the file's streams."""
    square_pixels: bool = True
    """False: the coded picture must be stretched to width by height first."""
    pictures: Annotated[int, Field(ge=1)] = 1
    """Of an image: more than one, and it is animated."""
    frame_rate: float | None = None
    """Mean pictures per second; None for images and sound."""
    last_frame_millis: Millis | None = None
    """When the last picture begins, counted from the file's start."""
    picture_codec: str | None = None
    """FFmpeg's name of the picture's coding format, such as h264."""
    seekable: bool = True
    """False: without times or an index, so that no picture can be sought for sure."""
    picture_bytes: Annotated[int, Field(ge=0)] | None = None
    """What the picture takes in the file, without the container's own."""
    pixel_format: str | None = None
    """FFmpeg's name of how pixels are stored, such as yuv420p."""
    turned: bool = False
    """True: the file has its picture turned or mirrored when it is shown."""
    interlaced: bool = False
    hdr: bool = False
    """True: brightness follows PQ or HLG, so it must be brought into the range of ordinary screens."""
    sound: Sound | None = None

    def measured(self) -> Measured:
        """Give the facts that a result keeps."""
        return Measured(
            duration_millis=self.duration_millis,
            width_pixels=self.width,
            height_pixels=self.height,
            size_bytes=self.size_bytes,
            media_type=self.media_type,
        )
