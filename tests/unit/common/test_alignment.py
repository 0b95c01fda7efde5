from itertools import pairwise

from mediaops.alignment import timed
from mediaops.transcript import Segment, Word


def word(text: str, start: int, end: int) -> Word:
    return Word(text=text, start_millis=start, end_millis=end)


def times(words: tuple[Word, ...]) -> list[tuple[str, int, int]]:
    return [(w.text, w.start_millis, w.end_millis) for w in words]


SEGMENT = Segment(text="Hello, World! Again.", start_millis=0, end_millis=2000, confidence=0.9)


def test_punctuated_words_take_the_times_of_the_bare_ones() -> None:
    words = [word("hello", 100, 400), word("world", 500, 900), word("again", 1500, 1900)]
    assert times(timed([SEGMENT], words)) == [
        ("Hello,", 100, 400),
        ("World!", 500, 900),
        ("Again.", 1500, 1900),
    ]


def test_a_word_without_a_counterpart_shares_the_gap_it_stands_in() -> None:
    words = [word("hello", 100, 400), word("again", 1500, 1900)]
    assert times(timed([SEGMENT], words))[1] == ("World!", 400, 1500)


def test_without_words_a_segments_time_is_shared_out_by_length() -> None:
    found = times(timed([Segment(text="ab cdef", start_millis=1000, end_millis=1600)], []))
    assert found == [("ab", 1000, 1200), ("cdef", 1200, 1600)]


def test_times_never_run_backwards_though_the_engines_do() -> None:
    words = [word("hello", 100, 900), word("world", 500, 600), word("again", 550, 700)]
    found = times(timed([SEGMENT], words))
    assert all(start <= end for _, start, end in found)
    assert all(a[2] <= b[1] for a, b in pairwise(found))
