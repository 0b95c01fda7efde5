"""How FFmpeg makes the small pictures that a survey looks at. Pure."""

from __future__ import annotations

from mediaops.graph.commands import reading
from mediaops.graph.upright import upright
from mediaops.media import Media
from mediaops.survey import CUT_THRESHOLD, sampling_rate, small_size


def survey_line(
    ffmpeg: str, source: str, media: Media, pictures: str, cuts: str, threads: int, *, keyframes: bool
) -> list[str]:
    """Give the command line: grey pictures of `small_size`, one byte a pixel, go to `pictures`, cuts to `cuts`, the
    name of a file in the folder in which it runs.

    Sample N is what is shown at N divided by the sampling rate; with `keyframes` alone, the keyframe last shown.
    Cuts are found among all pictures, in microseconds of the file's own time.
    """
    width, height = small_size(media)
    # What the upright picture would need at its full size is done on the small one.
    small = media.model_copy(
        update={"width": width, "height": height, "square_pixels": True, "interlaced": False}
    )
    chain = [
        f"scale={width}:{height}:flags=fast_bilinear,setsar=1",
        *upright(small).texts,
        f"format=gray,settb=1/1000000,scdet=threshold={CUT_THRESHOLD}",
        f"metadata=mode=print:key=lavfi.scd.time:file={cuts}",
        # The picture at or before each time, however long it stands.
        f"fps={sampling_rate(media):.6f}:start_time=0:round=up",
    ]
    only = ("-skip_frame", "nokey") if keyframes else ()
    # MPEG-TS begins where the first stream begins that is used: the sound too, as in the rendition.
    sound = ("-map", f"0:{media.sound.stream}", "-c:a", "copy", "-f", "null", "-") if media.sound else ()
    return [
        *reading(ffmpeg, source, [only], threads),
        *("-filter_complex", f"[0:{media.picture_stream}]{','.join(chain)}[small]"),
        *("-map", "[small]", "-f", "rawvideo", pictures),
        *sound,
    ]
