"""What the API server refuses by looking at more than one field of a MediaAsset's spec: CEL rules.

Each is a pair of rule and sentence; the sentence says what to change. Rules on single fields and blocks
stand with their models. The API server estimates what a rule costs at worst (32 operations, 16 targets)
and refuses a schema that is too dear: `all` over two lists is fine, `map().indexOf()` isn't.
"""

from __future__ import annotations

from mediaops.models.base import FileType
from mediaops.operations.compress import CODECS

Rule = tuple[str, str]

_FILES = {FileType.IMAGE: "an image", FileType.VIDEO: "a video", FileType.AUDIO: "an audio file"}


def _each_operation(condition: str, *file_types: FileType) -> str:
    """Give the rule that a condition holds for each operation `o`, if the asset is of such a file type."""
    others = "".join(f"self.fileType != '{file_type.value}' && " for file_type in file_types)
    unless = f"({others.removesuffix(' && ')}) || " if others else ""
    return f"{unless}!has(self.operations) || self.operations.all(o, {condition})"


def _some_operation(condition: str) -> str:
    """Give the expression that a condition holds for at least one operation `o`."""
    return f"(has(self.operations) && self.operations.exists(o, {condition}))"


def _each_target(condition: str) -> str:
    """Give the rule that a condition holds for each target `t`."""
    return f"!has(self.publish) || self.publish.targets.all(t, {condition})"


def _codec(file_type: FileType) -> Rule:
    """Give the rule that a compress operation's codec fits the file type."""
    names = ", ".join(f"'{codec.value}'" for codec in CODECS[file_type])
    words = ", ".join(codec.value for codec in CODECS[file_type])
    return (
        _each_operation(
            f"!has(o.compress) || !has(o.compress.codec) || o.compress.codec in [{names}]", file_type
        ),
        f"compress.codec of {_FILES[file_type]} is one of {words}",
    )


_TRANSFORMS = "(has(o.crop) || has(o.filter) || has(o.compress))"
_MAKES_FILES = "(has(o.crop) || has(o.filter) || has(o.compress) || has(o.thumbnail))"

_IMMUTABLE: tuple[Rule, ...] = (
    ("self.source == oldSelf.source", "source is immutable; make a new MediaAsset"),
    ("self.fileType == oldSelf.fileType", "fileType is immutable; make a new MediaAsset"),
)

_FITS_FILE_TYPE: tuple[Rule, ...] = (
    (
        _each_operation("!has(o.crop) && !has(o.filter)", FileType.AUDIO),
        "crop and filter take an image or a video, not audio",
    ),
    (
        _each_operation("!has(o.transcribe)", FileType.IMAGE),
        "transcribe takes a video or audio, not an image",
    ),
    *(_codec(file_type) for file_type in FileType),
    (
        _each_operation(
            "!has(o.compress) || (!has(o.compress.fps) && !has(o.compress.crf) && !has(o.compress.bitrateKbps) "
            "&& !has(o.compress.targetVmaf))",
            FileType.IMAGE,
        ),
        "compress.fps, crf, bitrateKbps and targetVmaf are not for an image: give quality or maxSizeBytes",
    ),
    (
        _each_operation("!has(o.compress) || !has(o.compress.quality)", FileType.VIDEO, FileType.AUDIO),
        "compress.quality is for an image: give a video crf or bitrateKbps, an audio file bitrateKbps",
    ),
    (
        _each_operation(
            "!has(o.compress) || (!has(o.compress.fps) && !has(o.compress.crf) && !has(o.compress.height) "
            "&& !has(o.compress.targetVmaf))",
            FileType.AUDIO,
        ),
        "compress.height, fps, crf and targetVmaf are for pictures: give an audio file bitrateKbps or maxSizeBytes",
    ),
    (
        _each_operation(
            "!has(o.thumbnail) || "
            "(!has(o.thumbnail.atMillis) && (!has(o.thumbnail.count) || o.thumbnail.count == 1))",
            FileType.IMAGE,
            FileType.AUDIO,
        ),
        "thumbnail.atMillis and count choose moments of a video: an image and an audio file have one thumbnail",
    ),
    (
        _each_operation(
            "!has(o.thumbnail) || (!has(o.thumbnail.sprite) && !has(o.thumbnail.preview))",
            FileType.IMAGE,
            FileType.AUDIO,
        ),
        "thumbnail.sprite and preview are made of a video, not of an image or an audio file",
    ),
)

_NAMES_FIT: tuple[Rule, ...] = (
    (
        "(has(self.operations) && self.operations.size() > 0) || has(self.publish)",
        "nothing to do: give operations, or publish targets",
    ),
    (
        f"!has(self.primary) || {_some_operation(f'o.name == self.primary && {_TRANSFORMS}')}",
        "primary must name a crop, filter or compress operation",
    ),
    (
        _each_target(
            "!has(t.media) || t.media.all(m, m.from == 'source' || "
            f"{_some_operation(f'o.name == m.from && {_MAKES_FILES}')})"
        ),
        "a target's media must come from source or from a crop, filter, compress or thumbnail operation",
    ),
    (
        _each_target(
            "!has(t.text) || !has(t.text.from) || "
            f"{_some_operation('o.name == t.text.from && has(o.caption)')}"
        ),
        "a target's text.from must name a caption operation",
    ),
    (
        _each_target(
            "!has(t.text) || !has(t.text.from) || !has(t.text.variant) || "
            "!has(self.operations) || self.operations.all(o, o.name != t.text.from || !has(o.caption) || "
            "t.text.variant < (has(o.caption.variants) ? o.caption.variants : 1))"
        ),
        "a target's text.variant counts from 0 and must be below the caption's variants",
    ),
    (
        _each_target(
            "!has(t.text) || !has(t.text.from) || !has(self.operations) || self.operations.all(o, "
            "o.name != t.text.from || !has(o.caption) || !has(o.caption.platforms) || "
            "o.caption.platforms.exists(p, p == t.platform))"
        ),
        "the caption that a target's text.from names is not written for that platform: "
        "add it to the caption's platforms, or leave platforms out",
    ),
    (
        _each_target(
            "!has(t.text) || !has(t.text.from) || !has(t.text.language) || "
            "!has(self.operations) || self.operations.all(o, o.name != t.text.from || !has(o.caption) || "
            "t.text.language == (has(o.caption.language) ? o.caption.language : 'en') || "
            "(has(o.caption.translateTo) && t.text.language in o.caption.translateTo))"
        ),
        "a target's text.language must be the caption's language or one of its translateTo",
    ),
    (
        "!has(self.review) || !has(self.review.transcripts) || self.review.transcripts.all(r, "
        f"{_some_operation('o.name == r.operation && has(o.transcribe)')})",
        "review.transcripts must name a transcribe operation",
    ),
    (
        "!has(self.review) || !has(self.review.texts) || self.review.texts.all(r, has(self.publish) && "
        "self.publish.targets.exists(t, t.name == r.target && has(t.text) && has(t.text.from)))",
        "review.texts must name a target of publish whose text comes from a caption (text.from)",
    ),
    (
        "!has(self.review) || !has(self.review.texts) || !has(self.publish) || "
        "self.review.texts.all(r, self.publish.targets.all(t, t.name != r.target || !has(t.text) || "
        "!has(t.text.from) || !has(self.operations) || self.operations.all(o, o.name != t.text.from || "
        "!has(o.caption) || r.variant < (has(o.caption.variants) ? o.caption.variants : 1))))",
        "the variant of review.texts counts from 0 and must be below the caption's variants",
    ),
)

_CHECKS_FIT: tuple[Rule, ...] = (
    (
        "!has(self.qualityChecks) || self.fileType != 'image'",
        "qualityChecks are for a video or audio: an image has nothing that they measure; leave them out",
    ),
    (
        "!has(self.qualityChecks) || self.fileType != 'audio' || (!has(self.qualityChecks.minVmaf) && "
        "!has(self.qualityChecks.maxBlackSeconds) && !has(self.qualityChecks.maxFrozenSeconds))",
        "qualityChecks.minVmaf, maxBlackSeconds and maxFrozenSeconds look at a picture: an audio file has none; "
        "check its loudness or maxSilentSeconds",
    ),
    (
        f"!has(self.qualityChecks) || !has(self.qualityChecks.minVmaf) || {_some_operation(_TRANSFORMS)}",
        "qualityChecks.minVmaf needs a crop, filter or compress operation: the source itself has lost nothing",
    ),
    (
        "!has(self.qualityChecks) || (!has(self.qualityChecks.maxCharactersPerSecond) && "
        f"!has(self.qualityChecks.minConfidencePercent)) || {_some_operation('has(o.transcribe)')}",
        "qualityChecks.maxCharactersPerSecond and minConfidencePercent look at transcripts: add a transcribe "
        "operation",
    ),
)

SPEC_RULES: tuple[Rule, ...] = (*_IMMUTABLE, *_FITS_FILE_TYPE, *_NAMES_FIT, *_CHECKS_FIT)
"""Rules on `spec`."""

OPERATIONS_RULES: tuple[Rule, ...] = (
    (
        "self.all(i, o, !has(o.input) || o.input == 'source' || self.exists(j, p, j < i && "
        "p.name == o.input && (has(p.crop) || has(p.filter) || has(p.compress))))",
        "input must be source or name a crop, filter or compress operation that stands above",
    ),
    (
        "self.all(i, o, !has(o.caption) || !has(o.caption.transcriptFrom) || self.exists(j, p, "
        "j < i && p.name == o.caption.transcriptFrom && has(p.transcribe)))",
        "transcriptFrom must name a transcribe operation that stands above",
    ),
    (
        "self.all(i, o, !has(o.filter) || o.filter.steps.all(s, !has(s.burnSubtitles) || self.exists(j, p, "
        "j < i && p.name == s.burnSubtitles.from && has(p.transcribe))))",
        "burnSubtitles.from must name a transcribe operation that stands above",
    ),
    (
        "self.all(o, !has(o.filter) || o.filter.steps.all(s, !has(s.burnSubtitles) || "
        "!has(s.burnSubtitles.language) || self.all(p, p.name != s.burnSubtitles.from || !has(p.transcribe) || "
        "(has(p.transcribe.translateTo) && s.burnSubtitles.language in p.transcribe.translateTo))))",
        "burnSubtitles.language must be one of that transcribe operation's translateTo (leave it out for the "
        "subtitles as spoken)",
    ),
)
"""Rules on `spec.operations`."""
