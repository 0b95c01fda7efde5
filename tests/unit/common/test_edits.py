from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaops.cues import cut
from mediaops.edits import EditedCue, EditError, edited, of_transcript, subtitles
from mediaops.transcript import Segment, Transcript, Word, srt, vtt

SAID = [
    "and",
    "so",
    "my",
    "fellow",
    "Americans",
    "ask",
    "not",
    "what",
    "your",
    "country",
    "can",
    "do",
    "for",
    "you",
]
WORDS = tuple(
    Word(text=w, start_millis=i * 500, end_millis=i * 500 + 400, confidence=0.5) for i, w in enumerate(SAID)
)
HEARD = Transcript(
    engine="pocketsphinx",
    model="en-us",
    language="en",
    duration_millis=10_000,
    segments=(Segment(text=" ".join(SAID), start_millis=0, end_millis=7000),),
    words=WORDS,
    cues=cut(WORDS, 10_000, "en"),
)


def test_what_is_written_as_subrip_and_webvtt_is_read_back_as_it_was() -> None:
    for text in (srt(HEARD.cues), vtt(HEARD.cues), vtt(HEARD.cues).replace("\n", "\r\n")):
        assert [(c.text, c.start_millis, c.end_millis) for c in subtitles(text)] == [
            (c.text, c.start_millis, c.end_millis) for c in HEARD.cues
        ]


def test_other_tools_files_are_read_without_their_markup() -> None:
    text = "\ufeffWEBVTT - a title\n\nNOTE nothing\n\nSTYLE\n::cue {}\n\none\n00:01.500 --> 00:02.000 align:left\n"
    text += "<v Anna><i>A &lt; B</i>\n{\\an8}\u200fand C\n\n"
    (cue,) = subtitles(text)
    assert (cue.text, cue.start_millis, cue.end_millis) == ("A < B and C", 1500, 2000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "no cue"),
        ("1\n00:00:01 --> soon\nhello", "no line of times"),
        (f"1\n00:00:01,000 --> 00:00:02,000\n{'w' * 2001}", "more than 2000 characters"),
        ("1\n99999:00:01,000 --> 99999:00:02,000\nhello", "later than any file"),
    ],
)
def test_what_is_no_subtitle_is_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        subtitles(text)


def test_words_that_stay_keep_their_times_and_a_new_one_shares_the_gap() -> None:
    new = " ".join(SAID).replace("ask not", "never ask").replace("fellow ", "")
    found = edited(HEARD, [EditedCue(text=new, start_millis=0, end_millis=7000)])
    times = {word.text: (word.start_millis, word.end_millis) for word in found.words}
    assert all(
        times[w.text] == (w.start_millis, w.end_millis) for w in WORDS if w.text not in ("fellow", "not")
    )
    assert times["Americans"][1] <= times["never"][0] <= times["never"][1] <= times["ask"][0]
    assert found.text == new
    assert " ".join(cue.text for cue in found.cues) == new


@pytest.mark.parametrize(
    ("cues", "why"),
    [
        ([("a", 2000, 1000)], "cue 1"),
        ([("a", 2000, 3000), ("b", 1000, 4000)], "cue 2"),
        ([(" ", 0, 1000)], "no text"),
    ],
)
def test_times_that_can_not_be_are_refused(cues: list[tuple[str, int, int]], why: str) -> None:
    with pytest.raises(EditError, match=why):
        edited(HEARD, [EditedCue(text=t, start_millis=a, end_millis=b) for t, a, b in cues])


def test_of_a_whole_transcript_what_was_changed_counts() -> None:
    cue = HEARD.cues[0].model_copy(update={"lines": ("Changed",)})
    in_cues = HEARD.model_copy(update={"cues": (cue, *HEARD.cues[1:])})
    assert of_transcript(in_cues, HEARD)[0].text == "Changed"
    in_segments = HEARD.model_copy(
        update={"segments": (Segment(text="Changed", start_millis=0, end_millis=7000),)}
    )
    assert [each.text for each in of_transcript(in_segments, HEARD)] == ["Changed"]
    assert edited(HEARD, of_transcript(HEARD, HEARD)).words == HEARD.words


@given(st.text(max_size=300))
def test_nothing_that_is_sent_breaks_the_reader(text: str) -> None:
    with suppress(EditError):
        edited(HEARD, subtitles(text))


@given(st.lists(st.sampled_from(["1", "00:00:01,000 --> 00:00:02,000", "-->", "hello", "", "<b>", "WEBVTT"])))
def test_nothing_that_looks_like_subtitles_breaks_it_either(lines: list[str]) -> None:
    with suppress(EditError):
        edited(HEARD, subtitles("\n".join(lines)))
