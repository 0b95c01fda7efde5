from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines.glossary import MOST_CHARACTERS, hint, spelt


def heard(*words: tuple[str, float | None]) -> Transcript:
    timed = tuple(
        Word(text=text, start_millis=i * 300, end_millis=i * 300 + 300, confidence=sure)
        for i, (text, sure) in enumerate(words)
    )
    whole = Segment(text=" ".join(text for text, _ in words), start_millis=0, end_millis=len(words) * 300)
    return Transcript(
        engine="e", model="m", language="en", duration_millis=9000, segments=(whole,), words=timed
    )


def test_a_term_is_spelt_as_the_glossary_has_it_in_words_and_segments() -> None:
    found = spelt(heard(("use", 0.9), ("kubernetes,", 0.9), ("please", 0.9)), ["Kubernetes"])
    assert found.text == "use Kubernetes, please"
    assert [word.text for word in found.words] == ["use", "Kubernetes,", "please"]


def test_a_near_miss_is_corrected_only_where_the_engine_is_unsure() -> None:
    unsure = spelt(heard(("cubernetes", 0.2)), ["Kubernetes"])
    assert (unsure.text, unsure.words[0].confidence) == ("Kubernetes", 0.2)
    assert spelt(heard(("country", 0.9)), ["Countrie"]).text == "country"
    assert spelt(heard(("cubernetes", None)), ["Kubernetes"]).text == "cubernetes"


def test_a_term_of_several_words_becomes_one_word_with_their_times() -> None:
    found = spelt(heard(("the", 0.9), ("media", 0.4), ("ops", 0.3), ("team", 0.9)), ["Media Ops"])
    assert [(w.text, w.start_millis, w.end_millis) for w in found.words] == [
        ("the", 0, 300),
        ("Media Ops", 300, 900),
        ("team", 900, 1200),
    ]
    assert found.text == "the Media Ops team"


def test_what_needs_no_change_is_given_back_as_it_is() -> None:
    same = heard(("Kubernetes", 0.2))
    assert spelt(same, ["Kubernetes"]) is same
    assert spelt(same, []) is same


def test_a_hint_is_no_longer_than_engines_read() -> None:
    assert hint(["Anna", "Kubernetes"]) == "Anna, Kubernetes."
    assert len(hint([f"term {i}" for i in range(200)])) <= MOST_CHARACTERS + 1
    assert hint([]) == ""
