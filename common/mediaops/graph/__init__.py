"""A pass as FFmpeg sees it: from steps and the source's facts to filter graph and arguments. Pure.

All steps that read the same file share one decode. Each transform is a node of a tree whose root is the source's
upright picture; every stored rendition, still, frame and prepared sound is an output that hangs on a node. So a
rendition is always one encode away from the source, however long its chain is. Where only stills are wanted of a
video, the command seeks to each of them instead of decoding everything.

What a parameter needs to know of the file beyond its facts (how loud it is) is an analysis, named in the plan and
carried out before the commands (analyses).

`plan_pass` is the way in (planning); what it gives are commands and their outputs (commands), each written as its
kind (outputs), in the order that costs least (reordering), wired into the chains of one filter graph (wiring) and put
together where they can share a decode (assembling).
"""

from __future__ import annotations

from mediaops.graph.analyses import Analysis, AnalysisKind, Findings, supposed
from mediaops.graph.commands import (
    DEMUXERS,
    HARDWARE_DECODED,
    MAX_PIXELS,
    STORED_NAME,
    Command,
    Document,
    Fit,
    ImageFile,
    Output,
    PassPlan,
    encoder_threads,
    folder_name,
    reading,
)
from mediaops.graph.kinds import PREPARE_AUDIO, PREPARE_CUTS, PREPARE_FRAMES, PREPARE_SEGMENT, needs_media
from mediaops.graph.planning import plan_pass, plan_samples, plan_way
from mediaops.graph.sampling import Samples
from mediaops.graph.segmented import CUTS, CUTS_FILE, Known

__all__ = [
    "CUTS",
    "CUTS_FILE",
    "DEMUXERS",
    "HARDWARE_DECODED",
    "MAX_PIXELS",
    "PREPARE_AUDIO",
    "PREPARE_CUTS",
    "PREPARE_FRAMES",
    "PREPARE_SEGMENT",
    "STORED_NAME",
    "Analysis",
    "AnalysisKind",
    "Command",
    "Document",
    "Findings",
    "Fit",
    "ImageFile",
    "Known",
    "Output",
    "PassPlan",
    "Samples",
    "encoder_threads",
    "folder_name",
    "needs_media",
    "plan_pass",
    "plan_samples",
    "plan_way",
    "reading",
    "supposed",
]
