"""A pass as FFmpeg sees it: from steps and the source's facts to filter graph and arguments. Pure.

All steps that read the same file share one decode. Each transform is a node of a tree whose root is the
source's upright picture; every stored rendition, still, frame and prepared sound is an output that hangs on a
node. So a rendition is always one encode away from the source, however long its chain is.

Where only stills are wanted of a video, the command seeks to each of them instead of decoding everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from mediaops.encoding import (
    AUDIO_CODECS,
    IMAGE_CONTAINERS,
    IMAGE_QUALITY,
    JPEG,
    PNG,
    UNASKED_CRF,
    VIDEO_CODECS,
    WEBP,
    Container,
    audio_arguments,
    picture_arguments,
    sound_arguments,
)
from mediaops.media import Media, Sound
from mediaops.models.base import SOURCE, FileType
from mediaops.models.work import StepOrder
from mediaops.operations import REGISTRY, Parameters, compress, crop, filter, thumbnail
from mediaops.operations.compress import Codec, Encoding
from mediaops.operations.thumbnail import ThumbnailFormat, ThumbnailParameters
from mediaops.picture import Change, Picture, PlanError, scaled_to_height, scaled_to_width
from mediaops.reasons import Reason

PREPARE_AUDIO = "prepareAudio"
PREPARE_FRAMES = "prepareFrames"
FRAMES = 3
"""How many frames of a video a caption is given to look at."""
FRAME_SIDE = 768
"""Longest side of such a frame in pixels."""
DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,w64,mp3,flac,aac,aiff,amr,ac3,eac3,caf,ape,wv,tta,dv,mxf,"
    "gif,apng,png_pipe,h264,hevc,av1,ivf"
)
"""Containers that are read. Playlists (hls, concat, dash) and scripts are not: they name further files."""
MAX_PIXELS = 8192 * 8192
"""Largest picture in pixels that is decoded."""
STILL_ARGUMENTS = ("-frames:v", "1", "-f", "image2", "-update", "1", "-atomic_writing", "1")
"""One picture, there under its name only once it is whole: so it can be stored while the encode runs on."""

TRANSFORMS = {"crop": crop.plan, "filter": filter.plan, "compress": compress.plan}
STILL_CONTAINERS = {ThumbnailFormat.JPEG: JPEG, ThumbnailFormat.WEBP: WEBP, ThumbnailFormat.PNG: PNG}
STILL_CODECS: dict[Container, tuple[str, ...]] = {
    JPEG: ("-c:v", "mjpeg", "-q:v", "3"),
    WEBP: ("-c:v", "libwebp", "-quality", str(IMAGE_QUALITY)),
    PNG: ("-c:v", "png"),
}
STILL_FORMATS = {JPEG: "yuvj420p", WEBP: "yuv420p", PNG: "rgb24"}
FORMATS_KEPT = {"jpeg": JPEG, "png": PNG, "webp": WEBP, "avif": IMAGE_CONTAINERS[Codec.AVIF], "gif": PNG}
"""How an image is written that is cropped or filtered and not compressed, by its own format; others: JPEG."""


@dataclass(frozen=True)
class ImageFile:
    """How Pillow writes an image that the graph leaves as a PNG."""

    container: Container
    quality: int = IMAGE_QUALITY
    """1 to 100; PNG has none."""


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

    @property
    def file(self) -> str:
        """Give the path that FFmpeg writes, below the pass's folder: the step's own folder, then the name."""
        extension = PNG.extension if self.image else self.container.extension
        return f"{folder_name(self.step)}/{self.name}{'.graph' if self.image else ''}.{extension}"


@dataclass(frozen=True)
class Command:
    """One run of FFmpeg over one file."""

    inputs: tuple[tuple[str, ...], ...]
    """For each time the file is opened, the arguments before `-i`."""
    graph: tuple[str, ...]
    """The chains of the filter graph; may be empty."""
    outputs: tuple[Output, ...]

    def line(self, ffmpeg: str, source: str, folder: str) -> list[str]:
        """Give the whole command line; `source` is the file's path, `folder` where outputs go."""
        line = [ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y"]
        line += ["-progress", "pipe:1", "-stats_period", "0.5", "-max_error_rate", "0.1"]
        for options in self.inputs:
            line += ["-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS]
            line += ["-max_pixels", str(MAX_PIXELS), *options, "-i", source]
        if self.graph:
            line += ["-filter_complex", ";".join(self.graph)]
        for output in self.outputs:
            line += [
                *output.arguments,
                "-map_metadata",
                "-1",
                "-map_chapters",
                "-1",
                f"{folder}/{output.file}",
            ]
        return line


@dataclass(frozen=True)
class PassPlan:
    """What the steps that read one file come to."""

    commands: tuple[Command, ...] = ()
    impossible: dict[str, str] = field(default_factory=dict)
    """Steps that can't be carried out on this file, and why as a sentence."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Steps that read an impossible one, by name, and that one's name."""
    nothing: dict[str, Reason] = field(default_factory=dict)
    """Steps that find nothing to do, and why: NoAudio or NoPicture."""

    @property
    def outputs(self) -> list[Output]:
        """Give every file of every command."""
        return [output for command in self.commands for output in command.outputs]


@dataclass(frozen=True)
class Node:
    """The picture after one transform; the root is the source's upright picture."""

    name: str
    parent: str | None
    change: Change
    encoding: Encoding | None
    """What the nearest compress operation on the way here asked for."""

    @property
    def picture(self) -> Picture:
        """Give the picture that comes out."""
        return self.change.picture


@dataclass(frozen=True)
class Hanging:
    """An output before it is wired: on which node it hangs, through which filters, from what time on."""

    node: str
    tail: str
    output: Output
    at_millis: int | None = None
    """A still of a video: the first picture at or after this time."""


def folder_name(step: str) -> str:
    """Give the folder of a step's own: its name, with the slash of prepared files made a dot."""
    return step.replace("/", ".")


def needs_media(step: StepOrder, file_type: FileType) -> bool:
    """Say whether a step reads the media file itself, and not only what earlier passes prepared of it."""
    if step.engine is not None:
        return False
    if step.type == "transcribe":
        return "audio" not in step.reads
    if step.type == "caption":
        return file_type is not FileType.AUDIO and "frame-0" not in step.reads
    return True


def plan_pass(steps: Sequence[StepOrder], media: Media) -> PassPlan:
    """Plan all steps that read one file: directly (`input` is no other step's name) or through each other."""
    return _Planner(steps, media).plan()


class _Planner:
    """Collects nodes and outputs of one pass, then wires them."""

    def __init__(self, steps: Sequence[StepOrder], media: Media) -> None:
        self.steps = {step.name: step for step in steps}
        self.media = media
        self.nodes: dict[str, Node] = {}
        self.pictures: list[Hanging] = []
        self.sounds: list[Output] = []
        self.waves: list[Hanging] = []
        self.impossible: dict[str, str] = {}
        self.blocked: dict[str, str] = {}
        self.nothing: dict[str, Reason] = {}

    def plan(self) -> PassPlan:
        if self.media.width and self.media.height:
            self.nodes[SOURCE] = Node(SOURCE, None, _upright(self.media), None)
        for step in self.steps.values():
            try:
                self._place(step)
            except PlanError as error:
                self.impossible[step.name] = str(error)
        return PassPlan(tuple(self._commands()), self.impossible, self.blocked, self.nothing)

    def _place(self, step: StepOrder) -> None:
        """Add the step's node and outputs; raises PlanError."""
        broken = self._broken_input(step)
        if broken is not None:
            self.blocked[step.name] = broken
        elif step.type in TRANSFORMS:
            self._transform(step)
        elif step.type == "thumbnail":
            self._thumbnail(step)
        elif step.type in {"transcribe", PREPARE_AUDIO} and needs_media(step, self.media.file_type):
            self._listen(step)
        elif step.type in {"caption", PREPARE_FRAMES} and needs_media(step, self.media.file_type):
            self._look(step)

    def _above(self, step: StepOrder) -> str:
        """Name the node that the step reads: another step of this pass, or the root."""
        return step.input if step.input in self.steps else SOURCE

    def _broken_input(self, step: StepOrder) -> str | None:
        above = self._above(step)
        if above in self.impossible:
            return above
        return self.blocked.get(above)

    def _parameters(self, step: StepOrder) -> Parameters:
        return REGISTRY[step.type].parse(step.parameters).resolved(self.media.file_type)

    def _transform(self, step: StepOrder) -> None:
        above, parameters = self._above(step), self._parameters(step)
        before = self.nodes.get(above)
        encoding = before.encoding if before else None
        if step.type == "compress":
            encoding = compress.encoding(cast(compress.CompressParameters, parameters))
        if self.media.file_type is FileType.AUDIO:
            self.nodes[step.name] = Node(step.name, above, Change(Picture(1, 1)), encoding)
            if step.stored:
                self.sounds.append(self._sound_file(step.name, encoding))
            return
        if before is None:
            raise PlanError("the file has no picture")
        change = TRANSFORMS[step.type](parameters, before.picture)  # type: ignore[operator]  # type and plan agree
        node = Node(step.name, above, change, encoding)
        if step.stored:
            rendition = self._image if self.media.file_type is FileType.IMAGE else self._video
            self.pictures.append(rendition(node))
        self.nodes[step.name] = node

    def _video(self, node: Node) -> Hanging:
        encoding = node.encoding or Encoding(Codec.H264, crf=UNASKED_CRF)
        sound = self.media.sound
        arguments = picture_arguments(encoding) + (sound_arguments(encoding.codec, sound) if sound else ())
        container = VIDEO_CODECS[encoding.codec].container
        # The time base of the graph, not one tick per frame: pictures of variable rate keep their times.
        timing = ("-fps_mode", "vfr", "-enc_time_base", "filter")
        output = Output(
            node.name,
            "rendition",
            container,
            (*arguments, *timing, *container.arguments),
            node.picture,
            lasts=True,
        )
        return Hanging(node.name, "scale=out_range=limited,format=yuv420p,setsar=1", output)

    def _image(self, node: Node) -> Hanging:
        if node.encoding is None:
            image = ImageFile(FORMATS_KEPT.get(self.media.format, JPEG))
        else:
            image = ImageFile(IMAGE_CONTAINERS[node.encoding.codec], node.encoding.quality or IMAGE_QUALITY)
        return self._png(node.name, node.name, "rendition", Change(node.picture), image)

    def _png(self, node: str, step: str, name: str, change: Change, image: ImageFile) -> Hanging:
        output = Output(
            step, name, image.container, (*STILL_CODECS[PNG], *STILL_ARGUMENTS), change.picture, image=image
        )
        return Hanging(node, ",".join((*change.filters, "format=rgb24")), output)

    def _sound_file(self, step: str, encoding: Encoding | None) -> Output:
        encoding = encoding or Encoding(Codec.AAC)
        container = AUDIO_CODECS[encoding.codec][0]
        sound = self._sound()
        arguments = (*_mapped(sound), *audio_arguments(encoding, sound), *container.arguments)
        return Output(step, "rendition", container, arguments, lasts=True)

    def _sound(self) -> Sound:
        if self.media.sound is None:
            raise PlanError("the file has no sound")
        return self.media.sound

    def _thumbnail(self, step: StepOrder) -> None:
        parameters = cast(ThumbnailParameters, self._parameters(step))
        container = STILL_CONTAINERS[parameters.format]
        if self.media.file_type is FileType.AUDIO:
            self.waves.append(self._waveform(step.name, parameters.width, container))
            return
        node = self._node(step)
        change = thumbnail.plan(parameters, node.picture)
        if self.media.file_type is FileType.IMAGE:
            self.pictures.append(self._png(node.name, step.name, "thumbnail-0", change, ImageFile(container)))
            return
        for index, at in enumerate(
            thumbnail.times(parameters, self.media.duration_millis or 0, self._last_frame())
        ):
            self.pictures.append(
                self._still(node.name, step.name, f"thumbnail-{index}", change, container, at)
            )

    def _node(self, step: StepOrder) -> Node:
        node = self.nodes.get(self._above(step))
        if node is None:
            raise PlanError("the file has no picture")
        return node

    def _last_frame(self) -> int:
        """Give when the last picture begins; where the probe didn't say, one mean frame before the end."""
        if self.media.last_frame_millis is not None:
            return self.media.last_frame_millis
        frame = 1000 / (self.media.frame_rate or 25.0)
        return max(0, int((self.media.duration_millis or 0) - frame))

    def _still(
        self, node: str, step: str, name: str, change: Change, container: Container, at_millis: int | None
    ) -> Hanging:
        # The explicit scale before the format keeps full range within this branch: negotiated instead, it
        # spreads through the split into the video.
        scale = change.filters or ("scale",)
        tail = ",".join((*scale, f"format={STILL_FORMATS[container]}"))
        output = Output(step, name, container, (*STILL_CODECS[container], *STILL_ARGUMENTS), change.picture)
        return Hanging(node, tail, output, at_millis)

    def _waveform(self, step: str, width: int, container: Container) -> Hanging:
        picture = Picture(width, max(2, width // 4))
        tail = (
            f"aformat=channel_layouts=mono,showwavespic=s={picture.width}x{picture.height}:colors=0x4ea1ff,"
            f"scale,format={STILL_FORMATS[container]}"
        )
        output = Output(step, "thumbnail-0", container, (*STILL_CODECS[container], *STILL_ARGUMENTS), picture)
        self._sound()
        return Hanging(SOURCE, tail, output)

    def _listen(self, step: StepOrder) -> None:
        """Add the sound that a transcript is made from: 16 kHz mono, silence filled in where it starts late."""
        if self.media.sound is None:
            self.nothing[step.name] = Reason.NO_AUDIO
            return
        arguments = (*_mapped(self.media.sound), "-af", "aresample=16000:async=1:first_pts=0", "-ac", "1")
        if step.type == PREPARE_AUDIO:
            container = AUDIO_CODECS[Codec.OPUS][0]
            arguments += ("-c:a", "libopus", "-b:a", "32k", "-application", "voip", *container.arguments)
        else:
            container = Container("wav", "audio/wav")
            arguments += ("-c:a", "pcm_s16le", "-f", "wav")
        self.sounds.append(Output(step.name, "audio", container, arguments))

    def _look(self, step: StepOrder) -> None:
        """Add the frames that a caption looks at; a sound has none."""
        if self.media.file_type is FileType.AUDIO:
            self.nothing[step.name] = Reason.NO_PICTURE
            return
        node = self._node(step)
        change = _frame(node.picture)
        moving = self.media.file_type is FileType.VIDEO
        for index in range(FRAMES if moving else 1):
            at = (self.media.duration_millis or 0) * (2 * index + 1) // (2 * FRAMES)
            time = min(at, self._last_frame()) if moving else None
            self.pictures.append(self._still(node.name, step.name, f"frame-{index}", change, JPEG, time))

    def _commands(self) -> Iterable[Command]:
        """Put what moves, and all that can share its decode, into one command; else stills and sounds apart."""
        if any(hanging.at_millis is None for hanging in self.pictures):
            chains = self._tree()
            yield self._command(((),), chains, [h.output for h in self.pictures], self.sounds)
            return
        if self.pictures:
            inputs = tuple(("-ss", _seconds(hanging.at_millis or 0)) for hanging in self.pictures)
            chains = [
                f"[{index}:{self.media.picture_stream}]{','.join((*self._way(h.node), h.tail))}[{_label(h.output)}]"
                for index, h in enumerate(self.pictures)
            ]
            yield self._command(inputs, chains, [h.output for h in self.pictures], [])
        if self.sounds or self.waves:
            chains = [f"[0:{self._sound().stream}]{h.tail}[{_label(h.output)}]" for h in self.waves]
            yield self._command(((),), chains, [h.output for h in self.waves], self.sounds)

    def _command(
        self,
        inputs: tuple[tuple[str, ...], ...],
        chains: list[str],
        pictures: list[Output],
        sounds: list[Output],
    ) -> Command:
        """Map each picture's label, and the sound beside a rendition's."""
        outputs = []
        for output in pictures:
            sound = _mapped(self.media.sound) if output.lasts and self.media.sound else ()
            outputs.append(_with(output, ("-map", f"[{_label(output)}]", *sound, *output.arguments)))
        return Command(inputs, tuple(chains), (*outputs, *sounds))

    def _tree(self) -> list[str]:
        """Wire the tree: each node once, split into as many links as read it."""
        used = self._used()
        readers = dict.fromkeys(used, 0)
        for hanging in self.pictures:
            readers[hanging.node] += 1
        for name in used:
            parent = self.nodes[name].parent
            if parent is not None:
                readers[parent] += 1
        chains: list[str] = []
        links: dict[str, list[str]] = {}
        for name in used:
            node = self.nodes[name]
            start = f"0:{self.media.picture_stream}" if node.parent is None else links[node.parent].pop(0)
            links[name] = [f"{name}.{index}" for index in range(readers[name])]
            split = [f"split={readers[name]}"] if readers[name] > 1 else []
            filters = [*_filters(node), *split]
            if not filters:
                links[name] = [start]
                continue
            chains.append(f"[{start}]{','.join(filters)}{''.join(f'[{link}]' for link in links[name])}")
        for hanging in self.pictures:
            when = "" if hanging.at_millis is None else f"select=gte(t\\,{_seconds(hanging.at_millis)}),"
            chains.append(f"[{links[hanging.node].pop(0)}]{when}{hanging.tail}[{_label(hanging.output)}]")
        return chains

    def _used(self) -> list[str]:
        """Name the nodes on the way to any output, each after its parent."""
        wanted: set[str] = set()
        for hanging in self.pictures:
            name: str | None = hanging.node
            while name is not None:
                wanted.add(name)
                name = self.nodes[name].parent
        return [name for name in self.nodes if name in wanted]

    def _way(self, node: str) -> list[str]:
        """Give all filters from the source to a node."""
        parent = self.nodes[node].parent
        return [*(self._way(parent) if parent is not None else []), *_filters(self.nodes[node])]


def _filters(node: Node) -> list[str]:
    """Give the node's filters, with labels of its own where they branch."""
    return [text.replace("@", f"{node.name}:") for text in node.change.filters]


def _label(output: Output) -> str:
    return f"{output.step}/{output.name}"


def _mapped(sound: Sound) -> tuple[str, ...]:
    return ("-map", f"0:{sound.stream}")


def _with(output: Output, arguments: tuple[str, ...]) -> Output:
    return Output(
        output.step, output.name, output.container, arguments, output.picture, output.lasts, output.image
    )


def _seconds(millis: int) -> str:
    return f"{millis / 1000:.3f}"


def _frame(picture: Picture) -> Change:
    """Scale down to what a caption looks at."""
    still = Picture(picture.width, picture.height)
    if max(picture.width, picture.height) <= FRAME_SIDE:
        return Change(still)
    wide = picture.width >= picture.height
    return scaled_to_width(still, FRAME_SIDE) if wide else scaled_to_height(still, FRAME_SIDE)


def _upright(media: Media) -> Change:
    """Give the root: FFmpeg has turned the picture; here it gets square pixels, even sides, ordinary range."""
    width, height = media.width or 0, media.height or 0
    if media.file_type is FileType.IMAGE:
        return Change(Picture(width, height))
    picture = Picture(max(2, width // 2 * 2), max(2, height // 2 * 2), media.frame_rate or 25.0)
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if media.interlaced else []
    if media.hdr:
        filters.append(
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
            "zscale=t=bt709:m=bt709:r=limited,format=yuv420p"
        )
    if not media.square_pixels:
        filters.append(f"scale={picture.width}:{picture.height},setsar=1")
    elif (picture.width, picture.height) != (width, height):
        filters.append(f"crop={picture.width}:{picture.height}:0:0")
    return Change(picture, tuple(filters))
