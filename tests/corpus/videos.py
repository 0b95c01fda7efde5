"""The corpus's videos, one row each. A new row needs nothing else: the cells follow from the tables."""

from __future__ import annotations

from tests.corpus.kinds import CORNERS, VIDEO, File
from tests.corpus.making import changed, cut, mirrored, noise, remade, sound, turned, video, written

YUV = ("-pix_fmt", "yuv420p")
X264 = ("-c:v", "libx264", "-preset", "ultrafast")
H264 = (*X264, *YUV)
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
LUMA_709 = (0.2126, 0.0722)
HDR = "zscale=tin=bt709:min=gbr:pin=bt709:rin=full:t={}:m=bt2020nc:p=bt2020:r=limited:npl=203,format=yuv420p10le"
"""Brings the source to a curve of HDR, its white at 203 nits (ITU-R BT.2408)."""
X265_HDR = "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer={}"

PLAIN = video("plain.mp4", *H264, "-c:a", "aac", "-movflags", "+faststart", channels=2)
LAST = video("index-last.mp4", *H264, "-g", "5", "-c:a", "aac", channels=1, seconds=2)
FIRST = remade("index-first.mp4", LAST, "-c", "copy", "-movflags", "+faststart")
SILENT = video("no-audio.mp4", *H264)
MATROSKA = video("matroska.mkv", *H264, "-c:a", "libopus", channels=2, sample_rate=48_000)
AVI = video("mpeg4.avi", "-c:v", "mpeg4", "-q:v", "2", *YUV, "-c:a", "libmp3lame", channels=2)

CONTAINERS: tuple[File, ...] = (
    PLAIN,
    LAST,
    FIRST,
    remade("fragmented.mp4", LAST, "-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
    video("quicktime.mov", *H264, "-c:a", "aac", channels=2),
    MATROSKA,
    video("vp9.webm", "-c:v", "libvpx-vp9", "-cpu-used", "8", *YUV, "-c:a", "libopus", channels=2,
          sample_rate=48_000),
    video("vp8.webm", "-c:v", "libvpx", "-cpu-used", "8", *YUV, "-c:a", "libvorbis", channels=2),
    AVI,
    video("transport.ts", *H264, "-c:a", "aac", channels=2),
    video("flash.flv", "-c:v", "flv", "-q:v", "2", *YUV, "-c:a", "libmp3lame", channels=2),
    video("windows.wmv", "-c:v", "wmv2", "-q:v", "2", *YUV, "-c:a", "wmav2", channels=2),
    video("broadcast.mxf", "-c:v", "mpeg2video", "-q:v", "2", *YUV, "-c:a", "pcm_s16le", channels=2,
          sample_rate=48_000),
    video("theora.ogv", "-c:v", "libtheora", "-q:v", "10", *YUV, "-c:a", "libvorbis", channels=2),
    video("program.mpg", "-c:v", "mpeg2video", "-q:v", "2", *YUV, "-c:a", "mp2", channels=2),
    video("phone.3gp", "-c:v", "h263", "-q:v", "2", *YUV, "-c:a", "libopencore_amrnb", "-b:a", "12.2k",
          size=(176, 144), channels=1, sample_rate=8000),
    video("bare.h264", *H264, "-bf", "0"),
    video("bare.hevc", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=0",
          *YUV),
    video("bare.ivf", "-c:v", "libvpx-vp9", "-cpu-used", "8", *YUV),
    video("animated.gif", "-filter_complex", "[0:v]split[a][b];[a]palettegen[p];[b][p]paletteuse", "-loop", "0",
          also={"within": 24}),
    video("animated.apng", "-f", "apng", "-plays", "0"),
)  # fmt: skip

CODECS: tuple[File, ...] = (
    video("cinepak.avi", "-c:v", "cinepak", "-q:v", "1", seconds=0.4, also={"within": 30}),
    video("prores.mov", "-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s24le",
          channels=2, sample_rate=48_000),
    video("av1.mp4", "-c:v", "libsvtav1", "-preset", "12", "-crf", "20", *YUV, seconds=0.6),
    video("h264-444-10bit.mkv", *X264, "-pix_fmt", "yuv444p10le"),
    video("h264-422.mp4", *X264, "-pix_fmt", "yuv422p"),
    video("h264-rgb.mkv", "-c:v", "libx264rgb", "-preset", "ultrafast", "-pix_fmt", "rgb24"),
    video("h264-lossless.mkv", *X264, "-qp", "0", *YUV),
    video("hevc.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", *YUV,
          "-tag:v", "hvc1"),
    video("hevc-10bit.mkv", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error",
          "-pix_fmt", "yuv420p10le"),
    video("motion-jpeg.mov", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"),
    video("ffv1.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p", "-c:a", "flac", channels=2),
    video("huffyuv.avi", "-c:v", "huffyuv", "-pix_fmt", "yuv422p"),
    video("raw.avi", "-c:v", "rawvideo", "-pix_fmt", "bgr24", seconds=0.4),
    video("animation.mov", "-c:v", "qtrle", "-pix_fmt", "rgb24"),
    video("grey.mp4", *X264, "-pix_fmt", "gray",
          also={"corners": tuple((level,) * 3 for level in (88, 134, 58, 230))}),
)  # fmt: skip

SHAPES: tuple[File, ...] = (
    video("odd.mkv", *X264, "-pix_fmt", "yuv444p", size=(161, 121)),
    video("one-pixel.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0", size=(1, 1)),
    video("two-pixels.mp4", *H264, size=(2, 2)),
    video("narrow.mp4", *H264, size=(16, 320)),
    video("flat.mp4", *H264, size=(320, 16)),
    video("anamorphic.mp4", *H264, size=(180, 144), filters="setsar=16/11", shown=(262, 144)),
    video("tall-pixels.mp4", *H264, size=(180, 144), filters="setsar=8/9", shown=(180, 162)),
    remade("turned-90.mp4", SILENT, "-c", "copy", before=("-display_rotation:v:0", "-90"),
           shown=video("", size=(120, 160), also={"corners": turned(CORNERS, 1)}).shown),
    remade("turned-180.mov", SILENT, "-c", "copy", before=("-display_rotation:v:0", "180"),
           shown=video("", also={"corners": turned(CORNERS, 2)}).shown),
    remade("turned-270.mp4", SILENT, "-c", "copy", before=("-display_rotation:v:0", "90"),
           shown=video("", size=(120, 160), also={"corners": turned(CORNERS, 3)}).shown),
    remade("mirrored.mp4", SILENT, "-c", "copy", before=("-display_hflip:v:0",),
           shown=video("", also={"corners": mirrored(CORNERS)}).shown),
    video("interlaced-mpeg2.mpg", "-c:v", "mpeg2video", "-q:v", "2", *YUV, "-flags", "+ildct+ilme",
          filters="tinterlace=interleave_top,fieldorder=tff", rate="50", frames=25, also={"rate": 25.0}),
    video("interlaced-h264.mp4", *H264, "-x264-params", "tff=1", "-flags", "+ildct+ilme",
          filters="tinterlace=interleave_top,fieldorder=tff", rate="50", frames=25, also={"rate": 25.0}),
)  # fmt: skip

TIMES: tuple[File, ...] = (
    video("one-a-second.mp4", *H264, rate="1", seconds=3.0),
    video("120-a-second.mp4", *H264, rate="120"),
    video("film-rate.mp4", *H264, rate="24000/1001", seconds=1.001, frames=24),
    video("variable.mkv", *H264, "-fps_mode", "vfr", "-enc_time_base", "1/1000", rate="50",
          filters="select='not(mod(n,7))+eq(n,3)+eq(n,45)'", frames=10, also={"rate": 10.0}),
    video("one-picture.mp4", *H264, "-frames:v", "1", seconds=0.04),
    remade("starts-late.ts", PLAIN, "-c", "copy", "-output_ts_offset", "100"),
    remade("trimmed.mp4", LAST, "-c", "copy", before=("-ss", "1.12"),
           shown=video("", channels=1, seconds=0.88, frames=22).shown),
    video("longer-sound.mkv", *H264, "-af", "apad=whole_dur=2", "-c:a", "pcm_s16le", channels=2,
          also={"seconds": 2.0, "frames": 25}),
)  # fmt: skip

SOUNDS: tuple[File, ...] = (
    SILENT,
    video("surround.mp4", *H264, "-c:a", "aac", channels=6, sample_rate=48_000),
    video("surround-ac3.mkv", *H264, "-c:a", "ac3", channels=6, sample_rate=48_000),
    video("seven-one.mkv", *H264, "-c:a", "flac", channels=8, sample_rate=48_000),
    video("telephone.mov", *H264, "-c:a", "pcm_mulaw", channels=1, sample_rate=8000),
    video("studio.mkv", *H264, "-c:a", "pcm_s24le", channels=2, sample_rate=96_000),
    remade("two-languages.mkv", PLAIN, "-map", "0", "-map", "0:a", "-c", "copy"),
)  # fmt: skip

COLORS: tuple[File, ...] = (
    video("bt709.mp4", *H264, *BT709, filters="scale=out_color_matrix=bt709:out_range=tv",
          also={"luma": LUMA_709}),
    video("bt601.mp4", *H264, "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc",
          "smpte170m", filters="scale=out_color_matrix=bt601:out_range=tv"),
    video("full-range.mp4", *X264, "-pix_fmt", "yuvj420p", "-color_range", "pc"),
    video("hdr-pq.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265_HDR.format("smpte2084"),
          "-tag:v", "hvc1", filters=HDR.format("smpte2084"), also={"within": 60, "luma": LUMA_709}),
    video("hdr-hlg.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
          X265_HDR.format("arib-std-b67"), "-tag:v", "hvc1", filters=HDR.format("arib-std-b67"),
          also={"within": 60, "luma": LUMA_709}),
    video("alpha.webm", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuva420p",
          filters="format=yuva420p"),
    video("alpha-prores.mov", "-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le",
          filters="format=yuva444p10le"),
)  # fmt: skip

INVALID = "InvalidMedia"
DAMAGED: tuple[File, ...] = (
    changed("cut-before-index.mp4", LAST, cut(0.7), refused=INVALID, says="cut off"),
    changed("cut-after-index.mp4", FIRST, cut(0.6), refused=INVALID, says="cut off"),
    changed("cut-at-99-percent.mp4", FIRST, cut(0.99), refused=INVALID, says="cut off"),
    changed("cut.mkv", MATROSKA, cut(0.6), refused=INVALID, says="cut off"),
    changed("cut.avi", AVI, cut(0.6), refused=INVALID, says="cut off"),
    changed("noise-in-the-middle.mp4", FIRST, noise(0.3, 0.9, 3), refused=INVALID, says="damaged",
            unhurt=frozenset({"thumbnail-one"})),
    changed("noise-everywhere.mp4", LAST, noise(0.0, 1.0, 2), refused=INVALID),
    written("empty.mp4", b"", VIDEO, refused=INVALID, says="empty"),
    written("zeros.mp4", bytes(50_000), VIDEO, refused=INVALID, says="not a media file"),
    written("text.mp4", b"This is no film.\n" * 50, VIDEO, refused=INVALID, says="is text"),
    written("playlist.mp4", b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n", VIDEO, refused=INVALID, says="is text"),
    sound("sound.mp4", "-c:a", "aac", file_type=VIDEO, refused="WrongFileType", says="an audio file"),
)  # fmt: skip

VIDEOS = (*CONTAINERS, *CODECS, *SHAPES, *TIMES, *SOUNDS, *COLORS, *DAMAGED)
