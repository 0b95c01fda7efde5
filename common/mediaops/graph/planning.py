"""From the steps of a pass and the facts of the file they read to what FFmpeg is to do. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

from mediaops.encoding import AVIF, JPEG, PNG, UNASKED, VIDEO_CODECS, WEBP, copied, encoder_words
from mediaops.graph import outputs, segmented, sizing
from mediaops.graph.analyses import Analysis, AnalysisKind, Findings
from mediaops.graph.assembling import alone, samples, together
from mediaops.graph.commands import STORED_NAME, Command, Document, Fit, ImageFile, Output, PassPlan
from mediaops.graph.kinds import MAKES, PREPARE_AUDIO, PREPARE_CUTS, PREPARE_SEGMENT, needs_media
from mediaops.graph.measuring import Way
from mediaops.graph.reordering import before_tones
from mediaops.graph.sampling import Samples
from mediaops.graph.segmented import CUTS, REMUXED
from mediaops.graph.upright import upright
from mediaops.graph.wiring import Hanging, Node, files, filtered_apart, way
from mediaops.media import Media, Sound
from mediaops.models.base import SOURCE, FileType
from mediaops.models.work import SPRITE, StepOrder
from mediaops.operations import (
    REGISTRY,
    Makes,
    Parameters,
    compress,
    crop,
    crop_track,
    loudness,
    preview,
    quality,
    sprite,
    thumbnail,
)
from mediaops.operations.compress import Codec, CompressParameters, Encoding
from mediaops.operations.crop import CropParameters
from mediaops.operations.crop_track import CropTrack
from mediaops.operations.quality import QualityFound
from mediaops.operations.thumbnail import ThumbnailFormat, ThumbnailParameters
from mediaops.picture import Change, Picture, PlanError
from mediaops.reasons import Reason
from mediaops.segments import Cuts
from mediaops.track import paths

FRAMES = 8
"""Frames of a video that a caption is given to choose from, spread evenly."""
STILL_CONTAINERS = {
    ThumbnailFormat.JPEG: JPEG,
    ThumbnailFormat.WEBP: WEBP,
    ThumbnailFormat.PNG: PNG,
    ThumbnailFormat.AVIF: AVIF,
}


def plan_pass(
    steps: Sequence[StepOrder],
    media: Media,
    findings: Findings | None = None,
    failed: Collection[str] = (),
) -> PassPlan:
    """Plan all steps that read one file: directly (`input` is no other step's name) or through each other.

    Steps that others read stand above them. Where `findings` lack something that a step needs, the plan has no
    commands yet and says what is wanted. `failed`: steps, by name, that are lost already; what reads them is
    blocked.
    """
    return _Planner(steps, media, findings or Findings(), failed).plan()


def plan_samples(
    steps: Sequence[StepOrder], media: Media, findings: Findings, name: str, keyframes: Sequence[int] = ()
) -> Samples:
    """Plan how to get the samples on which a step's quality is measured: its picture, before it is encoded.

    `keyframes` of the source: milliseconds from its start, in order; none: it is sought wherever a piece lies.
    """
    planner = _Planner(steps, media, findings, ())
    planner.plan()
    return samples(media, planner.nodes, planner.nodes[name], planner.encodings[name], keyframes)


def plan_way(steps: Sequence[StepOrder], media: Media, findings: Findings, name: str) -> Way:
    """Give how the source's picture becomes the one that a step encodes; raises PlanError where it has none."""
    planner = _Planner(steps, media, findings, ())
    planner.plan()
    if name not in planner.nodes:
        raise PlanError(planner.impossible.get(name, "the file has no picture"))
    nodes = planner.nodes
    read = files(nodes, [outputs.sample(nodes[name], 0)])
    return Way(media.picture_stream, tuple(way(nodes, name)), read, filtered_apart(nodes, [name]))


class _Planner:
    """Collects nodes and outputs of one pass, then wires them."""

    def __init__(
        self, steps: Sequence[StepOrder], media: Media, findings: Findings, failed: Collection[str]
    ) -> None:
        self.steps = {step.name: step for step in steps}
        self.media = media
        self.findings = findings
        self.failed = failed
        self.wanted: dict[AnalysisKind, list[str]] = {}
        self.nodes: dict[str, Node] = {}
        self.pictures: list[Hanging] = []
        self.waves: list[Hanging] = []
        self.sounds: list[Output] = []
        """With what else hangs on no node: a picture that is copied."""
        self.own: list[Command] = []
        """Commands that share no decode: what is brought to a size, a segment, segments joined."""
        self.encodings: dict[str, Encoding] = {}
        self.impossible: dict[str, str] = {}
        self.blocked: dict[str, str] = {}
        self.nothing: dict[str, Reason] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.whole = {SOURCE}
        """Nodes that show all of the source's picture, at whatever size: what a survey has seen lies there too."""
        self.tracks: dict[str, CropTrack] = {}
        """The smart crop on the way to each node."""
        self.documents: list[Document] = []

    def plan(self) -> PassPlan:
        if self.media.width and self.media.height:
            self.nodes[SOURCE] = Node(SOURCE, None, upright(self.media), None)
        for step in self.steps.values():
            try:
                self._place(step)
            except PlanError as error:
                self.impossible[step.name] = str(error)
        # Quality last: what the samples show may itself rest on another finding.
        kinds = sorted(self.wanted, key=lambda kind: kind is AnalysisKind.QUALITY)
        wanted = tuple(Analysis(kind, tuple(self.wanted[kind])) for kind in kinds)
        shared = together(self.media, self.nodes, self.pictures, self.sounds, self.waves)
        commands = () if wanted else (*shared, *self.own)
        if self.findings.decodes:
            commands = tuple(command.on_gpu for command in commands)
        return PassPlan(
            commands, self.impossible, self.blocked, self.nothing, wanted, self.values, tuple(self.documents)
        )

    def _place(self, step: StepOrder) -> None:
        """Add the step's node and outputs; raises PlanError."""
        above = self._above(step)
        lost = above in self.impossible or above in self.failed
        broken = above if lost else self.blocked.get(above)
        if step.name in self.failed:
            return
        if broken is not None:
            self.blocked[step.name] = broken
        elif step.type == PREPARE_CUTS:
            self._cut(step)
        elif step.type == PREPARE_SEGMENT:
            self._segment(step)
        elif needs_media(step, self.media.file_type):
            place = {
                Makes.RENDITION: self._transform,
                Makes.IMAGES: self._thumbnail,
                Makes.TRANSCRIPT: self._listen,
                Makes.TEXT: self._look,
            }
            place[MAKES[step.type]](step)

    def _above(self, step: StepOrder) -> str:
        """Name the node that the step reads: another step of this pass, or the root."""
        return step.input if step.input in self.steps else SOURCE

    def _node(self, step: StepOrder) -> Node:
        node = self.nodes.get(self._above(step))
        if node is None:
            raise PlanError("the file has no picture")
        return node

    def _sound(self) -> Sound:
        if self.media.sound is None:
            raise PlanError("the file has no sound")
        return self.media.sound

    def _parameters(self, step: StepOrder) -> Parameters:
        return REGISTRY[step.type].parse(step.parameters).resolved(self.media.file_type)

    def _transform(self, step: StepOrder) -> None:
        above, parameters = self._above(step), self._parameters(step)
        encoding = self.nodes[above].encoding if above in self.nodes else None
        if isinstance(parameters, CompressParameters):
            encoding = compress.encoding(parameters)
            parameters = compress.lasting(parameters, self.media.duration_millis or 0)
        if self.media.file_type is FileType.AUDIO:
            encoding = encoding or Encoding(Codec.AAC)
            self.nodes[step.name] = Node(step.name, above, Change(Picture(1, 1)), encoding)
            if step.stored:
                self._sound_file(step, encoding)
            return
        plan = REGISTRY[step.type].plan
        if plan is None:
            raise ValueError(f"{step.type} makes a rendition, but has no plan")
        change = plan(parameters, self._node(step).picture)
        if isinstance(parameters, CropParameters):
            change = self._cropped(step, parameters, change)
        elif above in self.whole:
            self.whole.add(step.name)
        self._keep_track(step, above)
        node = self._placed(step, change, encoding)
        if step.stored and self.media.file_type is FileType.IMAGE:
            self.pictures.append(outputs.image(node, self.media))
        elif step.stored:
            self._video(step, node)

    def _placed(self, step: StepOrder, change: Change, encoding: Encoding | None) -> Node:
        """Add the step's picture to the tree; tones above that nobody else needs are done on what it leaves."""
        parent: str | None
        parent, tones = before_tones(self.nodes, step.name, self._above(step), change, self._needed_by)
        if tones.filters:
            smaller = Node(f"{step.name}~", parent, change, None)
            self.nodes[smaller.name] = smaller
            parent, change = smaller.name, tones
        node = self.nodes[step.name] = Node(step.name, parent, change, encoding)
        return node

    def _needed_by(self, name: str) -> set[str]:
        """Name what needs the moving picture at a node: the steps that read it, and itself where it is stored."""
        needing = {
            step.name for step in self.steps.values() if self._above(step) == name and self._moves(step)
        }
        return needing | ({name} if name in self.steps and self.steps[name].stored else set())

    def _moves(self, step: StepOrder) -> bool:
        """Say whether a step makes something that moves of the picture it reads."""
        if MAKES.get(step.type) is Makes.IMAGES:
            parameters = cast(ThumbnailParameters, self._parameters(step))
            return parameters.sprite is not None or parameters.preview is not None
        return MAKES.get(step.type) is Makes.RENDITION

    def _sound_file(self, step: StepOrder, encoding: Encoding) -> None:
        """Add a stored sound, at the rate for its size where one is given."""
        loud, sound = self._loudness(step, encoding), self._sound()
        if encoding.max_size_bytes is None:
            self.sounds.append(outputs.sound_file(step.name, encoding, sound, loud))
            return
        encoding, fit = sizing.sized_sound(encoding, self.media)
        output = outputs.sound_file(step.name, encoding, sound, loud)
        self.own.append(Command(((),), (), (output,), fit=fit))

    def _video(self, step: StepOrder, node: Node) -> None:
        """Add a stored video: the source's own picture where that serves, else encoded as was asked."""
        encoding = self.encodings[step.name] = self._encoding(step, node)
        loud = self._loudness(step, encoding)
        found = self._quality(step, node, encoding)
        if encoding.target_vmaf is not None and found is None:
            return
        encoding, joined = self._found(step, encoding, found), self.findings.cuts
        if CUTS in step.reads and joined is not None:
            self.values[step.name]["segments"] = joined.words
            self.own.append(segmented.join(node, encoding, self.media, joined, loud))
        elif self._serves(node, encoding, found):
            self.sounds.append(outputs.as_it_is(node, encoding, self.media, loud))
            self.values[step.name] = {"kept": compress.KEPT}
        elif encoding.max_size_bytes is not None:
            self._sized_video(node, encoding, loud)
        else:
            self.pictures.append(outputs.video(node, encoding, self.media, loud))

    def _quality(self, step: StepOrder, node: Node, encoding: Encoding) -> QualityFound | None:
        """Give what a search for a VMAF found; while there is none, ask for it."""
        target, found = encoding.target_vmaf, self.findings.qualities.get(step.name)
        searched = target is not None or encoding.max_size_bytes is not None
        if searched and filtered_apart(self.nodes, [node.name]):
            raise PlanError(
                "targetVmaf and maxSizeBytes can't be met behind clarity: give crf or bitrateKbps"
            )
        if target is not None and found is None:
            self._want(AnalysisKind.QUALITY, step)
        return found

    def _found(self, step: StepOrder, encoding: Encoding, found: QualityFound | None) -> Encoding:
        """Give an encoding at the crf that was found, where one was asked for."""
        if encoding.target_vmaf is None or found is None:
            return encoding
        self.values.setdefault(step.name, {}).update(quality.words(found, encoding.target_vmaf))
        return replace(encoding, crf=found.crf)

    def _cut(self, step: StepOrder) -> None:
        """Say where a rendition is cut, and what else its segments have to know; or why it stays in one piece.

        The step stands last in its order, behind the chain that it is about: nothing else is wanted before it is
        known whether there is anything to cut.
        """
        above = self.steps[step.input]
        node = self._node(step)
        encoding = self.encodings[above.name] = node.encoding or UNASKED
        why = segmented.whole_because(self.media, self.nodes, node.name, encoding)
        cuts = Cuts(whole=why) if why else self.findings.cuts
        if cuts is None:
            self.wanted = {AnalysisKind.CUTS: [step.name]}
            return
        if cuts.whole is None:
            self._loudness(above, encoding)
            found = self._quality(above, node, encoding)
            if self.wanted:
                return
            if self._serves(node, encoding, found):
                cuts = Cuts(whole=compress.KEPT)
        self.wanted.clear()
        known = segmented.known(self.media, self.findings, cuts, above.name)
        text = known.model_dump_json(by_alias=True, exclude_none=True)
        self.documents.append(Document(step.name, segmented.CUTS_FILE, "application/json", text))
        self.values[step.name] = {"count": str(cuts.count), "segments": cuts.words}

    def _segment(self, step: StepOrder) -> None:
        """Add one segment of the rendition that the step reads."""
        above, node, cuts = self.steps[step.input], self._node(step), self.findings.cuts
        if cuts is None:
            raise ValueError(f"{step.name} has no cuts to go by")
        encoding = node.encoding or UNASKED
        encoding = self._found(above, encoding, self.findings.qualities.get(above.name))
        index = int(step.parameters["index"])
        self.own.append(segmented.segment(self.nodes, node, encoding, self.media, cuts, index, step.name))

    def _encoding(self, step: StepOrder, node: Node) -> Encoding:
        """Settle which encoder writes a video: the GPU's where the step asked for a GPU and that has one."""
        encoding = node.encoding or UNASKED
        values = self.values.setdefault(step.name, {})
        if step.gpu and self.findings.encoders is None:
            self._want(AnalysisKind.ENCODERS, step)
        elif step.gpu:
            encoding = replace(encoding, hardware=encoding.codec in (self.findings.encoders or ()))
            values["encoder"] = encoder_words(encoding)
        return encoding

    def _serves(self, node: Node, encoding: Encoding, found: QualityFound | None) -> bool:
        """Say whether the source's own picture is what was asked for, and no larger than an encode of it."""
        media = self.media
        if way(self.nodes, node.name) or media.turned or media.pixel_format != "yuv420p":
            return False
        if media.picture_codec != VIDEO_CODECS[encoding.codec].decoder or media.format not in REMUXED:
            return False
        if encoding.max_size_bytes is not None:
            return encoding.loudness is None and 0 < media.size_bytes <= encoding.max_size_bytes
        seconds = (media.duration_millis or 0) / 1000
        return found is not None and 0 < (media.picture_bytes or 0) <= found.kbps * 125 * seconds

    def _sized_video(self, node: Node, encoding: Encoding, loud: str | None) -> None:
        """Add a film of a size: two passes of its own, the second again until it fits."""
        sound, size = self.media.sound, encoding.max_size_bytes or 0
        as_is = sound is not None and copied(encoding.codec, sound, loud)
        budget = sizing.budget(encoding, self.media, node.picture, copied=as_is)
        encoding = replace(encoding, bitrate_kbps=budget.picture_kbps)
        first = outputs.first_pass(node, encoding)
        second = outputs.video(node, encoding, self.media, loud, budget.sound_kbps)
        fit = Fit(size, "-b:v", budget.picture_kbps)
        for hanging, held in ((first, None), (second, fit)):
            if hanging is not None:
                self.own.append(alone(self.media, self.nodes, hanging, held))

    def _cropped(self, step: StepOrder, parameters: CropParameters, unled: Change) -> Change:
        """Give what a crop does; a smart one is led by a survey, and `unled` where there is nothing to go by."""
        above = self._above(step)
        if parameters.keeps_all and above in self.whole:
            self.whole.add(step.name)
        picture = self.nodes[above].picture
        cut = crop.cut_out(parameters, picture)
        if cut is None:
            return unled
        if above not in self.whole:
            self.values[step.name] = {"framing": "centre: the picture that it cuts is cut or padded already"}
            return unled
        if self.findings.survey is None:
            self._want(AnalysisKind.SURVEY, step)
            return unled
        length = (self.media.duration_millis or 0) * 1000
        axis = crop_track.axis(picture, cut)
        found = paths(self.findings.survey, length, crop_track.window(picture, cut), axis)
        self.values[step.name] = {"framing": crop_track.framing(found)}
        self.tracks[step.name] = crop_track.track(picture, cut, found)
        return crop.plan(parameters, picture, found)

    def _keep_track(self, step: StepOrder, above: str) -> None:
        """Store the track of the smart crop in a rendition's chain beside it."""
        track = self.tracks.get(step.name) or self.tracks.get(above)
        if track is None:
            return
        self.tracks[step.name] = track
        if step.stored:
            text = json.dumps(track.wire(), indent=1) + "\n"
            self.documents.append(Document(step.name, crop_track.FILE, "application/json", text))

    def _loudness(self, step: StepOrder, encoding: Encoding | None) -> str | None:
        """Give the filter for the loudness asked for; while the sound isn't measured, ask for that."""
        if encoding is None or encoding.loudness is None or self.media.sound is None:
            return None
        if self.findings.loudness is None:
            self._want(AnalysisKind.LOUDNESS, step)
            return None
        return loudness.normalising(encoding.loudness, self.findings.loudness)

    def _want(self, kind: AnalysisKind, step: StepOrder) -> None:
        self.wanted.setdefault(kind, []).append(step.name)

    def _thumbnail(self, step: StepOrder) -> None:
        parameters = cast(ThumbnailParameters, self._parameters(step))
        container = STILL_CONTAINERS[parameters.format]
        if self.media.file_type is not FileType.VIDEO and (parameters.sprite or parameters.preview):
            raise PlanError("sprite and preview are made of a video: leave them out")
        if self.media.file_type is FileType.AUDIO:
            self._sound()
            self.waves.append(outputs.waveform(step.name, parameters.width, container))
            return
        node = self._node(step)
        change = thumbnail.plan(parameters, node.picture)
        if self.media.file_type is FileType.IMAGE:
            self.pictures.append(
                outputs.png(node.name, step.name, "thumbnail-0", change, ImageFile(container))
            )
            return
        if parameters.best and self.findings.survey is None:
            self._want(AnalysisKind.SURVEY, step)
            return
        length, survey = self.media.duration_millis or 0, self.findings.survey
        times = thumbnail.times(parameters, length, self._last_frame(), survey)
        if parameters.best:
            self.values[step.name] = {"at_millis": ", ".join(str(at) for at in times)[:256]}
        for index, at in enumerate(times):
            name = f"thumbnail-{index}"
            self.pictures.append(outputs.still(node.name, step.name, name, change, container, at))
        if parameters.sprite:
            sheet = sprite.plan(parameters.sprite, node.picture, length, self._last_frame())
            self.pictures.append(outputs.still(node.name, step.name, SPRITE, sheet.change, container, None))
            text = sheet.vtt(STORED_NAME)
            self.documents.append(Document(step.name, sprite.FILE, "text/vtt", text, refers_to=SPRITE))
        if parameters.preview:
            moving = preview.plan(parameters.preview, node.picture, length)
            self.pictures.append(outputs.preview(node.name, step.name, moving, parameters.preview.format))

    def _last_frame(self) -> int:
        """Give when the last picture begins; where the probe didn't say, one mean frame before the end."""
        if self.media.last_frame_millis is not None:
            return self.media.last_frame_millis
        frame = 1000 / (self.media.frame_rate or 25.0)
        return max(0, int((self.media.duration_millis or 0) - frame))

    def _listen(self, step: StepOrder) -> None:
        """Add the sound that a transcript is made from."""
        if self.media.sound is None:
            self.nothing[step.name] = Reason.NO_AUDIO
        else:
            outside = step.type == PREPARE_AUDIO
            self.sounds.append(outputs.listening(step.name, self.media.sound, outside=outside))

    def _look(self, step: StepOrder) -> None:
        """Add the frames that a caption looks at."""
        if self.media.file_type is FileType.AUDIO:
            self.nothing[step.name] = Reason.NO_PICTURE
            return
        node = self._node(step)
        change = outputs.looked_at(node.picture)
        moving = self.media.file_type is FileType.VIDEO
        for index in range(FRAMES if moving else 1):
            middle = (self.media.duration_millis or 0) * (2 * index + 1) // (2 * FRAMES)
            at = min(middle, self._last_frame()) if moving else None
            self.pictures.append(outputs.still(node.name, step.name, f"frame-{index}", change, JPEG, at))
