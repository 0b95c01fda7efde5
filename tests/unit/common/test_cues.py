import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from mediaops.cues import LINE_CHARACTERS, MILLIS_PER_CHARACTER, SHORTEST_MILLIS, cut, placed
from mediaops.scripts import measure
from mediaops.transcript import Word


def spoken(text: str, *, start: int = 0, millis_per_word: int = 300, gap: int = 50) -> list[Word]:
    words = []
    for token in text.split():
        words.append(Word(text=token, start_millis=start, end_millis=start + millis_per_word))
        start += millis_per_word + gap
    return words


TEXTS = ["a", "so,", "country.", "really?", "é" * 41, "x" * 42, "y" * 43, "z" * 120]
PAUSES = [0, 0, 0, 40, 200, 700, 5000]
LENGTHS = [0, 1, 60, 250, 900, 9000]


def in_order(draws: list[tuple[str, int, int]]) -> list[Word]:
    words, now = [], 0
    for text, pause, length in draws:
        words.append(Word(text=text, start_millis=now + pause, end_millis=now + pause + length))
        now += pause + length
    return words


def any_words() -> st.SearchStrategy[list[Word]]:
    """Words in order of time: slow and rushed, with pauses and none, short and absurdly long."""
    draw = st.tuples(st.sampled_from(TEXTS), st.sampled_from(PAUSES), st.sampled_from(LENGTHS))
    return st.lists(draw, max_size=30).map(in_order)


@settings(deadline=None)
@given(any_words(), st.integers(0, 60_000))
def test_every_cue_keeps_every_rule_whatever_is_spoken(words: list[Word], after: int) -> None:
    duration = (words[-1].end_millis if words else 0) + after
    cues = cut(words, duration)

    for cue in cues:
        assert len(cue.lines) <= 2
        assert max(map(len, cue.lines)) <= LINE_CHARACTERS
        assert cue.end_millis - cue.start_millis >= max(SHORTEST_MILLIS, len(cue.text) * MILLIS_PER_CHARACTER)
    for one, following in itertools.pairwise(cues):
        assert one.end_millis <= following.start_millis
    assert "".join(w.text for w in words) == "".join(c.text for c in cues).replace(" ", "")


@settings(deadline=None)
@given(any_words(), st.integers(0, 60_000))
def test_cues_stay_within_the_media_whenever_there_is_time_to_read_them_all(
    words: list[Word], after: int
) -> None:
    duration = (words[-1].end_millis if words else 0) + after
    cues = cut(words, duration)
    needed = sum(max(SHORTEST_MILLIS, len(c.text) * MILLIS_PER_CHARACTER) for c in cues)

    if cues and needed <= duration:
        assert cues[0].start_millis >= 0
        assert cues[-1].end_millis <= duration


def test_speech_at_an_ordinary_pace_is_shown_when_it_is_spoken() -> None:
    words = spoken("ask not what your country can do for you", start=3000)
    (cue,) = cut(words, 20_000)
    assert ((cue.start_millis, cue.end_millis), cue.lines) == (
        (3000, words[-1].end_millis),
        ("ask not what your country can do for you",),
    )


def test_a_pause_and_the_end_of_a_sentence_end_a_cue() -> None:
    words = [
        *spoken("This is the first whole sentence. And this"),
        *spoken("comes after a pause", start=5000),
    ]
    assert ["This is the first whole sentence.", "And this", "comes after a pause"] == [
        c.text for c in cut(words, 9000)
    ]


def test_two_lines_are_broken_evenly_and_rather_after_a_comma() -> None:
    (cue,) = cut(
        spoken("and so my fellow Americans, ask not what your country can", millis_per_word=400), 30_000
    )
    assert cue.lines == ("and so my fellow Americans,", "ask not what your country can")


def test_the_last_cue_of_a_file_is_drawn_forward_rather_than_cut_short() -> None:
    (cue,) = cut([Word(text="Stop", start_millis=10_900, end_millis=11_000)], 11_000)
    assert (cue.start_millis, cue.end_millis) == (10_200, 11_000)


def test_nothing_said_gives_no_cue() -> None:
    assert cut([], 5000) == ()


CJK = [
    "東京",
    "これは、",
    "「お元気ですか」",
    "ゃ" * 60,
    "Kubernetes",
    "2026年",
    "你好。",
    "한국어",
    "สวัสดีครับ" * 9,
]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CJK), st.sampled_from(PAUSES), st.sampled_from(LENGTHS)), max_size=20),
    st.sampled_from(["ja", "zh-Hant", "ko", "th", "de", "und"]),
)
def test_the_rules_hold_in_other_scripts_too(draws: list[tuple[str, int, int]], language: str) -> None:
    words = in_order(draws)
    rules = measure(language, "".join(word.text for word in words))
    cues = cut(words, words[-1].end_millis if words else 0, language)
    assert all(rules.width(line) <= rules.line for cue in cues for line in cue.lines)
    assert all(len(cue.lines) <= 2 for cue in cues)
    assert all(c.end_millis - c.start_millis >= SHORTEST_MILLIS for c in cues)
    assert all(c.end_millis - c.start_millis >= rules.reading_millis(c.text) for c in cues)
    for one, following in itertools.pairwise(cues):
        assert one.end_millis <= following.start_millis
    assert "".join(w.text for w in words) == "".join(c.text for c in cues).replace(" ", "")


def test_japanese_lines_are_short_and_do_not_begin_with_what_ends_a_phrase() -> None:
    said = "お集まりいただいたきょうの日は、「ちょっと」早いですがいってきました。"
    cues = cut([Word(text=said, start_millis=0, end_millis=6000)], 10_000, "ja")
    lines = [line for cue in cues for line in cue.lines]
    assert "".join(lines) == said
    assert max(map(len, lines)) <= 13
    assert not [line for line in lines if line[0] in "、。」っょ" or line[-1] == "「"]


def test_chinese_is_not_torn_at_brackets_and_has_no_spaces_put_in() -> None:
    words = [
        Word(text=text, start_millis=i * 400, end_millis=i * 400 + 400)
        for i, text in enumerate(["他说", "：", "「", "我们", "明天", "」", "用", "Kubernetes", "发布", "。"])
    ]
    cues = cut(words, 8000, "zh")
    assert "".join(cue.text for cue in cues) == "他说：「我们明天」用 Kubernetes 发布。"


def test_known_times_are_kept_where_the_text_fits() -> None:
    cues = placed(
        [("Guten Morgen", 1000, 3000), ("und willkommen bei uns", 3000, 6000)],
        duration_millis=9000,
        language="de",
    )
    assert [(c.start_millis, c.end_millis, c.text) for c in cues] == [
        (1000, 3000, "Guten Morgen"),
        (3000, 6000, "und willkommen bei uns"),
    ]


def test_a_translation_that_is_too_long_becomes_two_cues_within_its_time() -> None:
    cues = placed([("Donaudampfschifffahrtsgesellschaft " * 4, 0, 9000)], 20_000, "de")
    assert len(cues) == 2
    assert (cues[0].start_millis, cues[-1].end_millis) == (0, 9000)
    assert all(len(line) <= LINE_CHARACTERS for cue in cues for line in cue.lines)


def test_no_mark_is_parted_from_its_letter() -> None:
    (cue,) = cut([Word(text="ki\u0323" * 25, start_millis=0, end_millis=5000)], 9000, "yo")
    assert all(not line.startswith("\u0323") for line in cue.lines)
