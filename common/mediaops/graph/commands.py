"""What a planned pass consists of: commands, their outputs, and the steps that come to nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mediaops.encoding import IMAGE_QUALITY, PNG, Container
from mediaops.graph.analyses import Analysis
from mediaops.identity import digest
from mediaops.picture import FrameFilter, GraphFile, Picture
from mediaops.reasons import Reason

DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,w64,mp3,flac,aac,aiff,amr,ac3,eac3,caf,ape,wv,tta,dv,mxf,"
    "gif,apng,png_pipe,h264,hevc,av1,ivf"
)
"""Containers that are read. Playlists (hls, concat, dash) and scripts are not: they name further files."""
MAX_PIXELS = 8192 * 8192
"""Largest picture in pixels that is decoded."""

SOUND_WEIGHT = 48_000
"""Weight of a sound among outputs: its samples of a second."""
FIRST_PASS_PARTS = 3
"""An encoder's first pass takes about this part of the second's time: it searches little and writes nothing."""
PICTURES_WRITTEN = ("-stats_mux_pre:v:0", "pipe:1", "-stats_mux_pre_fmt:v:0", "frame={n}")
TIME_WRITTEN = ("-stats_mux_pre:a:0", "pipe:1", "-stats_mux_pre_fmt:a:0", "time={t}")
"""Have FFmpeg say after each picture, or piece of sound, how far it is: its own reports begin only once every output
has begun, which for a sprite or a late still is at the end."""
HARDWARE_DECODED = ("-hwaccel", "cuda")
"""Arguments before an input whose pictures NVIDIA's decoder makes; they come back into memory, where filters are.
What it can't decode, FFmpeg decodes itself."""
LONGEST_ARGUMENT = 100_000
"""Bytes of a filter graph above which it goes into a file: Linux takes arguments of up to 128 KiB each."""


@dataclass(frozen=True)
class ImageFile:
    """How Pillow writes an image that the graph leaves as a PNG."""

    container: Container
    quality: int = IMAGE_QUALITY
    """1 to 100; PNG and GIF have none."""
    moving: bool = False
    """An animation: every picture of it, each as long as in the source."""
    max_bytes: int | None = None
    """Lower the quality until the file has at most this size."""


STATISTICS = "STATISTICS"
"""Stands in an output's arguments for the file in which an encoder's first pass leaves what the second reads."""


@dataclass(frozen=True)
class Fit:
    """The size that a command's only output is held against."""

    max_bytes: int
    option: str
    """The argument that says the rate, such as `-b:v`."""
    kbps: int
    """The rate it says, in kilobits per second."""
    most_kbps: int = 400_000
    steps: tuple[int, ...] = ()
    """The rates that there are; empty: any."""


@dataclass(frozen=True)
class Output:
    """One file that a command makes."""

    step: str
    """The step it is for, by name."""
    name: str
    """Its name in the result (rendition, thumbnail-0) or, for a step that reads it: audio, frame-0."""
    container: Container
    arguments: tuple[str, ...]
    """FFmpeg's output arguments, without the file's name."""
    picture: Picture | None = None
    """The picture it must have."""
    lasts: bool = False
    """True: it must last as long as the source."""
    image: ImageFile | None = None
    """Set where FFmpeg makes a PNG that is then written as this."""
    discarded: bool = False
    """True: an encoder's first pass, which leaves no file."""

    @property
    def appears_whole(self) -> bool:
        """Say whether its file is there only once it is whole, however long the command runs on."""
        return "-atomic_writing" in self.arguments

    @property
    def weight(self) -> int:
        """Give by what its making counts when a pass's use is shared out: samples made, of a second if it lasts."""
        if self.picture is None:
            return SOUND_WEIGHT
        rate = round(self.picture.frame_rate or 25) if self.lasts else 1
        return self.picture.width * self.picture.height * max(1, rate)

    @property
    def file(self) -> str:
        """Give the path that FFmpeg writes, below the pass's folder: the step's own folder, then the name."""
        extension = PNG.extension if self.image else self.container.extension
        return f"{folder_name(self.step)}/{self.name}{'.graph' if self.image else ''}.{extension}"


@dataclass(frozen=True)
class Feed:
    """Frames that leave a command's graph, are changed one by one, and come into a further command's."""

    filter: FrameFilter
    arguments: tuple[str, ...]
    """FFmpeg's output arguments, without the pipe's name."""
    command: Command
    """What reads the changed frames, as its second input; it runs at the same time."""


@dataclass(frozen=True)
class Joined:
    """A second input: files that FFmpeg reads as one."""

    listed: str
    """Their list, by path below the pass's folder."""
    offset: str
    """When the first of their pictures is shown, in seconds from the source's start."""


@dataclass(frozen=True)
class Command:
    """One run of FFmpeg over one file."""

    inputs: tuple[tuple[str, ...], ...]
    """For each time the file is opened, the arguments before `-i`."""
    graph: tuple[str, ...]
    """The chains of the filter graph; may be empty."""
    outputs: tuple[Output, ...]
    files: tuple[GraphFile, ...] = ()
    """What filters of the graph read, by path below the folder in which it runs."""
    fit: Fit | None = None
    """Set where the output must come to a size; the command is run again at another rate until it does."""
    feeds: tuple[Feed, ...] = ()
    joined: Joined | None = None

    @property
    def on_gpu(self) -> Command:
        """Give this command with its pictures decoded by the GPU."""
        decoded = tuple((*HARDWARE_DECODED, *options) for options in self.inputs)
        return replace(self, inputs=decoded) if self.graph else self

    @property
    def graph_file(self) -> tuple[str, str] | None:
        """Give name and text of the file that must hold the graph where the line is run; None: the line holds it."""
        text = ";".join(self.graph)
        # Commands that run at the same time have a file each.
        return (f"graph-{digest(text)[:16]}.txt", text) if len(text) > LONGEST_ARGUMENT else None

    @property
    def weight(self) -> int:
        """Give by what this and all that it feeds counts among a plan's commands: samples made, of a second."""
        made = [output for command in self.together for output in command.outputs]
        return sum(o.weight // FIRST_PASS_PARTS if o.discarded else o.weight for o in made) or 1

    @property
    def together(self) -> list[Command]:
        """Give this command and all that it feeds, which run at the same time."""
        return [self, *(command for feed in self.feeds for command in feed.command.together)]

    def line(
        self,
        ffmpeg: str,
        source: str,
        folder: str,
        threads: int = 0,
        *,
        fed: int | None = None,
        feeding: Sequence[int] = (),
    ) -> list[str]:
        """Give the whole command line.

        `fed` is the file descriptor from which frames come in, `feeding` those to which its feeds go.

        `source` is the file's path, `folder` where outputs go and the line is run, `threads` how many each codec
        may use (0: as many as the machine has processors, which in a container are more than it may use).
        """
        line = reading(ffmpeg, source, self.inputs, threads)
        if fed is not None:
            # Its times stay as they are, even where its first picture isn't at nought (-seek_timestamp).
            line += ["-seek_timestamp", "1", "-protocol_whitelist", "pipe", "-f", "nut", "-i", f"pipe:{fed}"]
        if self.joined is not None:
            line += ["-itsoffset", self.joined.offset, "-protocol_whitelist", "file,pipe"]
            line += ["-f", "concat", "-i", self.joined.listed]
        if self.graph_file:
            line += ["-/filter_complex", self.graph_file[0]]
        elif self.graph:
            line += ["-filter_complex", ";".join(self.graph)]
        for output in self.outputs:
            statistics = f"{folder}/{folder_name(output.step)}/statistics"
            line += [argument.replace(STATISTICS, statistics) for argument in output.arguments]
            line += [
                *_bounded(encoder_threads(output.arguments, threads)),
                "-map_metadata",
                "-1",
                "-map_chapters",
                "-1",
            ]
            if output is self.outputs[0] and output.lasts:
                line += PICTURES_WRITTEN if output.picture else TIME_WRITTEN
            line += ["-f", "null", "-"] if output.discarded else [f"{folder}/{output.file}"]
        for feed, descriptor in zip(self.feeds, feeding, strict=True):
            line += [*feed.arguments, f"pipe:{descriptor}"]
        return line


def reading(
    ffmpeg: str, source: str, inputs: Iterable[tuple[str, ...]], threads: int, *, loglevel: str = "error"
) -> list[str]:
    """Give a command line up to its inputs: the source, once with each tuple of options before its `-i`."""
    line = [ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", loglevel, "-y"]
    line += ["-progress", "pipe:1", "-stats_period", "0.5", "-max_error_rate", "0.1"]
    if threads:
        line += ["-filter_complex_threads", str(threads)]
    for options in inputs:
        line += _bounded(threads)
        line += ["-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS]
        line += ["-max_pixels", str(MAX_PIXELS), *options, "-i", source]
    return line


def encoder_threads(arguments: Sequence[str], threads: int) -> int:
    """Give how many threads an encoder gets of so many processors: x264 half as many again, as by its own default.

    Each of its threads waits for the one before, a few lines behind it.
    """
    return threads * 3 // 2 if "libx264" in arguments else threads


def _bounded(threads: int) -> list[str]:
    return ["-threads", str(threads)] if threads else []


STORED_NAME = "STORED-NAME"
"""Stands in a document's text for the name of a file that lies beside it, which is known only once that is made."""


@dataclass(frozen=True)
class Document:
    """A small file of a step's result that the plan itself gives."""

    step: str
    name: str
    """Its name in the result, with its extension."""
    media_type: str
    text: str
    refers_to: str | None = None
    """An output of the step, for whose file's name in storage STORED_NAME stands in the text."""


@dataclass(frozen=True)
class PassPlan:
    """What the steps that read one file come to."""

    commands: tuple[Command, ...] = ()
    """Empty while something is wanted."""
    impossible: dict[str, str] = field(default_factory=dict)
    """Steps that can't be carried out on this file, and why as a sentence."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Steps that read an impossible one, by name, and that one's name."""
    nothing: dict[str, Reason] = field(default_factory=dict)
    """Steps that find nothing to do, and why: NoAudio or NoPicture."""
    wanted: tuple[Analysis, ...] = ()
    """What has to be found out first; with it the plan is made anew."""
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    """What a step's result says of how it was planned, by step."""
    documents: tuple[Document, ...] = ()
    """What is stored beside the outputs of their steps."""

    @property
    def outputs(self) -> list[Output]:
        """Give every file of every command."""
        made = (one for command in self.commands for one in command.together)
        return [output for one in made for output in one.outputs if not output.discarded]


def folder_name(step: str) -> str:
    """Give the folder of a step's own: its name, with the slash of prepared files made a dot."""
    return step.replace("/", ".")
