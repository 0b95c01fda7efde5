"""From cues to a script for libass: what is shown when, and that text stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mediaops.operations.filter import BrandKit, BurnSubtitles
from mediaops.picture import Picture
from mediaops.subtitles import SubtitleFile, SubtitleStyle, ass
from mediaops.transcript import Cue, Transcript, Word

WIDE, UPRIGHT = Picture(1920, 1080, 25.0), Picture(1080, 1920, 25.0)


def script(picture: Picture = WIDE, kit: BrandKit | None = None, **block: object) -> SubtitleFile:
    subtitles = BurnSubtitles.model_validate({"from": "transcript", **block})
    return subtitles.script(kit or BrandKit(), picture)


def transcript(*cues: Cue, words: tuple[Word, ...] = ()) -> Transcript:
    return Transcript(engine="e", model="m", language="en", duration_millis=9000, cues=cues, words=words)


def shown(file: SubtitleFile, *cues: Cue, words: tuple[Word, ...] = ()) -> list[str]:
    """Give each event's times and text."""
    lines = ass(transcript(*cues, words=words), file).splitlines()
    events = (line.split(",", 9) for line in lines if line.startswith("Dialogue: "))
    return [f"{event[1]} {event[2]} {event[9]}" for event in events]


def style(file: SubtitleFile) -> dict[str, str]:
    lines = ass(None, file).splitlines()
    names = (
        next(line for line in lines if line.startswith("Format: Name")).removeprefix("Format: ").split(", ")
    )
    values = next(line for line in lines if line.startswith("Style: ")).removeprefix("Style: ").split(",")
    return dict(zip(names, values, strict=True))


CUE = Cue(lines=("Ask not what your", "country can do"), start_millis=61_230, end_millis=63_000)


def test_a_cue_is_shown_on_its_lines_in_its_time():
    assert [r"0:01:01.23 0:01:03.00 Ask not what your\Ncountry can do"] == shown(script(), CUE)


def test_lines_on_an_upright_picture_are_broken_where_it_is_narrow():
    assert ["0:01:01.23 0:01:03.00 Ask not what your country can do"] == shown(script(UPRIGHT), CUE)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (r"{\an8}up {\pos(0,0)}", "\\{\\\u2060an8\\}up \\{\\\u2060pos(0,0)\\}"),
        (r"a\Nb\hc", "a\\\u2060Nb\\\u2060hc"),
        ("a\nDialogue: 0,b\r\tc\x00", "a Dialogue: 0,b  c "),
        ("a\u2028b", "a b"),
        ("1, 2, 3", "1, 2, 3"),
    ],
)
def test_what_is_said_is_no_command(said, written):
    (event,) = shown(script(), Cue(lines=(said,), start_millis=0, end_millis=1000))

    assert f"0:00:00.00 0:00:01.00 {written}" == event


def test_each_script_is_shown_in_a_typeface_that_has_it():
    (event,) = shown(script(), Cue(lines=("né 世界 안녕 שלום", "жю → жи"), start_millis=0, end_millis=1000))

    assert event.endswith(
        r"né {\fnWenQuanYi Micro Hei}世界 안녕 {\fnDejaVu Sans}שלום{\fnOpen Sans}"
        r"\Nжю {\fnDejaVu Sans}→ {\fnOpen Sans}жи"
    )


def test_words_are_lit_while_they_are_said():
    cue = Cue(lines=("so it", "goes"), start_millis=900, end_millis=3000)
    words = tuple(
        Word(text=text, start_millis=start, end_millis=start + 100)
        for text, start in (("so", 1000), ("it", 1500), ("goes", 2000), ("on", 4000))
    )
    lit, plain = r"{\1c&H0000D4FF&}", r"{\1c&H00FFFFFF&}"

    assert [
        rf"0:00:00.90 0:00:01.50 {lit}so{plain} it\Ngoes",
        rf"0:00:01.50 0:00:02.00 so {lit}it{plain}\Ngoes",
        rf"0:00:02.00 0:00:03.00 so it\N{lit}goes{plain}",
    ] == shown(script(style="highlight"), cue, words=words)


def test_without_the_words_times_they_are_shared_out_by_length():
    cue = Cue(lines=("a bbb",), start_millis=0, end_millis=4000)

    assert ["0:00:00.00 0:00:01.00", "0:00:01.00 0:00:04.00"] == [
        event[:21] for event in shown(script(style="highlight"), cue)
    ]


def test_a_word_that_was_said_before_its_cue_shows_is_passed_over():
    """Cues lag behind fast speech: no event may end before it begins."""
    cue = Cue(lines=("so it goes",), start_millis=2000, end_millis=3000)
    words = tuple(
        Word(text=text, start_millis=start, end_millis=start + 10)
        for text, start in (("so", 100), ("it", 200), ("goes", 9000))
    )

    (event,) = shown(script(style="highlight"), cue, words=words)
    assert event.startswith("0:00:02.00 0:00:03.00 so {")


@pytest.mark.parametrize(
    ("picture", "block", "wanted"),
    [
        (WIDE, {}, {"Fontsize": "64", "Alignment": "2", "MarginL": "96", "MarginR": "96", "MarginV": "54"}),
        (UPRIGHT, {}, {"Fontsize": "64", "MarginL": "64", "MarginR": "194", "MarginV": "672"}),
        (UPRIGHT, {"position": "top"}, {"Alignment": "8", "MarginV": "288"}),
        (
            WIDE,
            {"position": "center", "sizePercent": 10},
            {"Alignment": "5", "MarginV": "0", "Fontsize": "108"},
        ),
        (WIDE, {"marginPercent": 10}, {"MarginL": "108", "MarginR": "108", "MarginV": "108"}),
        (
            WIDE,
            {"style": "box", "backColor": "#102030"},
            {"BorderStyle": "3", "OutlineColour": "&H00302010&"},
        ),
        (WIDE, {"color": "#ff8000"}, {"PrimaryColour": "&H000080FF&", "BorderStyle": "1"}),
    ],
)
def test_where_and_how_they_stand(picture, block, wanted):
    assert wanted.items() <= style(script(picture, **block)).items()


def test_a_brand_kit_speaks_where_the_step_is_silent():
    kit = BrandKit.model_validate({"font": "dejavu-sans", "color": "#112233", "highlightColor": "#445566"})
    made = script(kit=kit, color="#FFFFFF")

    assert ("#FFFFFF", "#445566", "#000000", "dejavu-sans") == (
        made.color,
        made.highlight_color,
        made.back_color,
        made.font,
    )


def test_scripts_that_differ_in_anything_have_names_of_their_own():
    one = script()
    others = [replace(one, width=10), replace(one, style=SubtitleStyle.BOX), replace(one, language="de")]

    assert 4 == len({file.path for file in [one, *others]})
    assert one.path == script().path
    assert set(one.path) <= set("abcdefghijklmnopqrstuvwxyz0123456789/-.")
