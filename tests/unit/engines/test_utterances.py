from mediaops_ops.engines.utterances import FRAME_MILLIS, LONGEST_MILLIS, Frame, Utterance, utterances


def sound(*stretches: tuple[str, int]) -> list[Frame]:
    """Frames of (kind, milliseconds); each frame's one byte of sound is its kind."""
    return [
        Frame(pcm=kind.encode(), speech=kind != "-", loudness={"-": 0.0, "s": 9.0, "q": 1.0}[kind])
        for kind, millis in stretches
        for _ in range(millis // FRAME_MILLIS)
    ]


def spans(found: list[Utterance]) -> list[tuple[int, int]]:
    return [(u.start_millis, u.start_millis + len(u.pcm) * FRAME_MILLIS) for u in found]


def test_silence_holds_no_utterance() -> None:
    assert list(utterances(sound(("-", 60_000)))) == []


def test_a_click_is_no_utterance() -> None:
    assert list(utterances(sound(("-", 3000), ("s", 90), ("-", 3000)))) == []


def test_an_utterance_keeps_a_margin_of_silence_and_its_place_in_time() -> None:
    found = list(utterances(sound(("-", 3000), ("s", 1500), ("-", 3000))))
    assert spans(found) == [(2700, 4800)]


def test_a_breath_does_not_part_an_utterance_but_a_clear_pause_does() -> None:
    found = list(utterances(sound(("s", 1500), ("-", 600), ("s", 1500), ("-", 1200), ("s", 900))))
    assert spans(found) == [(0, 3900), (4500, 5700)]


def test_a_long_utterance_ends_at_the_first_slight_pause() -> None:
    found = list(utterances(sound(("s", 12_000), ("-", 300), ("s", 3000))))
    assert len(found) == 2
    assert spans(found)[0] == (0, 12_240)


def test_speech_without_a_pause_is_cut_where_it_is_quietest_and_nothing_is_lost() -> None:
    found = list(utterances(sound(("s", 15_000), ("q", 30), ("s", 30_000))))
    assert spans(found)[0] == (0, 15_000)
    assert max(len(u.pcm) for u in found) * FRAME_MILLIS <= LONGEST_MILLIS
    assert b"".join(u.pcm for u in found) == b"".join(
        f.pcm for f in sound(("s", 15_000), ("q", 30), ("s", 30_000))
    )


def test_each_utterance_is_given_as_soon_as_it_has_ended() -> None:
    frames = iter(sound(("s", 1500), ("-", 900), ("s", 1500), ("-", 3000)))
    next(utterances(frames))
    assert len(list(frames)) >= (1500 + 3000) // FRAME_MILLIS
