import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from mediaops.cues import LINE_CHARACTERS, MILLIS_PER_CHARACTER, SHORTEST_MILLIS, cut
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
