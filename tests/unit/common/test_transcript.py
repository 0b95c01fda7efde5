import json

from mediaops.transcript import Cue, Segment, Transcript, Word, file_name, srt, txt, vtt

CUES = (
    Cue(lines=("and so my fellow Americans", "ask not"), start_millis=0, end_millis=2500),
    Cue(lines=("a < b & c --> d",), start_millis=3_723_004, end_millis=3_724_000),
)
SPOKEN = Transcript(
    engine="pocketsphinx",
    model="en-us",
    language="en",
    duration_millis=11_000,
    segments=(
        Segment(text="hello world", start_millis=0, end_millis=900),
        Segment(text="again", start_millis=1000, end_millis=1500),
        Segment(text="later", start_millis=4000, end_millis=4500),
    ),
    words=(
        Word(text="hello", start_millis=0, end_millis=300, confidence=0.2),
        Word(text="world", start_millis=300, end_millis=900, confidence=0.8),
        Word(text="again", start_millis=1000, end_millis=1500),
    ),
    cues=CUES,
)


def test_srt_numbers_cues_and_keeps_arrows_out_of_the_text() -> None:
    assert srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:02,500\nand so my fellow Americans\nask not\n\n"
        "2\n01:02:03,004 --> 01:02:04,000\na < b & c → d\n"
    )


def test_vtt_begins_with_its_signature_and_escapes_markup() -> None:
    assert vtt(CUES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nand so my fellow Americans\nask not\n\n"
        "01:02:03.004 --> 01:02:04.000\na &lt; b &amp; c --&gt; d\n"
    )


def test_text_has_a_line_for_each_stretch_between_long_pauses() -> None:
    assert txt(SPOKEN.segments) == "hello world again\nlater\n"


def test_transcript_json_reads_back_as_what_was_written() -> None:
    written = SPOKEN.to_json()
    assert Transcript.model_validate_json(written) == SPOKEN
    assert json.loads(written)["segments"][2] == {"text": "later", "startMillis": 4000, "endMillis": 4500}


def test_the_seeds_fields_are_in_seconds_and_count_words() -> None:
    fields = SPOKEN.seed_fields()
    assert fields["captions"][0] == {"start": 0.0, "end": 2.5, "text": "and so my fellow Americans ask not"}
    assert {k: fields[k] for k in ("transcription", "language", "duration", "word_count")} == {
        "transcription": "hello world again later",
        "language": "en",
        "duration": 11.0,
        "word_count": 4,
    }


def test_confidence_weighs_words_by_their_time_and_leaves_out_those_without() -> None:
    assert SPOKEN.confidence is not None
    assert abs(SPOKEN.confidence - (0.2 * 300 + 0.8 * 600) / 900) < 1e-9


def test_a_translation_has_its_language_in_its_files_names() -> None:
    assert file_name("json") == "transcript.json"
    assert file_name("srt", "zh-Hant") == "transcript.zh-Hant.srt"


def test_files_of_a_language_from_right_to_left_show_each_line_in_its_direction() -> None:
    cues = (Cue(lines=("Kubernetes هو", "منصة رائعة"), start_millis=0, end_millis=2000),)
    assert "\u200fKubernetes هو\nمنصة" in srt(cues, "ar")
    assert "\u200fKubernetes هو\nمنصة" in vtt(cues, "ar")
