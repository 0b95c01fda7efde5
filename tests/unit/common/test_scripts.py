import pytest

from mediaops.scripts import RIGHT_TO_LEFT_MARK, directed, is_right_to_left, joined, measure, unbroken


def test_words_of_scripts_without_spaces_are_joined_without() -> None:
    assert joined(["hello", "world"]) == "hello world"
    assert joined(["東京", "タワー"]) == "東京タワー"
    assert joined(["안녕", "세계"]) == "안녕 세계"
    assert joined(["使用", "Kubernetes"]) == "使用 Kubernetes"


def test_a_break_may_stand_between_any_two_characters_of_chinese_but_not_before_a_comma() -> None:
    assert unbroken("你好，（世界）ABC de") == ["你", "好，", "（世", "界）", "ABC", "de"]


def test_a_line_of_hebrew_that_begins_with_a_latin_name_is_still_shown_from_the_right() -> None:
    assert directed("Kubernetes זה נהדר", right_to_left=True) == f"{RIGHT_TO_LEFT_MARK}Kubernetes זה נהדר"
    assert directed("2026!", right_to_left=True).startswith(RIGHT_TO_LEFT_MARK)
    assert directed("- שלום", right_to_left=True) == "- שלום"
    assert directed("Kubernetes", right_to_left=False) == "Kubernetes"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ar", True),
        ("he", True),
        ("ur-PK", True),
        ("uz", False),
        ("uz-Arab", True),
        ("ku-Latn", False),
        ("en", False),
    ],
)
def test_the_direction_is_the_languages_or_that_of_the_script_it_names(language: str, expected: bool) -> None:
    assert is_right_to_left(language) == expected


def test_a_text_in_an_unknown_language_is_measured_by_its_script() -> None:
    assert measure("und", "これはペンです") == measure("ja")
    assert measure("und", "안녕하세요") == measure("ko")
    assert measure("und", "你好世界") == measure("zh-Hans")
    assert measure("und", "hello 世界").line == 42


def test_half_width_characters_count_half_in_chinese() -> None:
    assert measure("zh").width("你好AB") == 6
    assert measure("en").width("你好AB") == 4
