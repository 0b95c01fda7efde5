"""What is concluded from a survey: where shots begin, which faces were there."""

from __future__ import annotations

from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.survey import (
    Face,
    Sample,
    Survey,
    faces_seen,
    samples_between_looks,
    sampling_rate,
    shots,
    small_size,
)

LEFT = Face(x=0.1, y=0.2, width=0.1, height=0.2)
RIGHT = Face(x=0.8, y=0.2, width=0.1, height=0.2)


def sample(at_millis: int, exposure: float = 0.5, faces: tuple[Face, ...] | None = None) -> Sample:
    return Sample(at_millis=at_millis, exposure=exposure, contrast=0.2, sharpness=100, faces=faces)


def film(width: int, height: int, seconds: int) -> Media:
    facts = {"format": "mov", "media_type": "video/mp4", "extension": "mp4"}
    return Media(
        file_type=FileType.VIDEO, width=width, height=height, duration_millis=seconds * 1000, **facts
    )


def edges(survey: Survey, millis: int) -> list[int]:
    return [shot.begin_micros // 1000 for shot in shots(survey, millis * 1000)]


def test_a_film_without_cuts_is_one_shot() -> None:
    assert [(0, 5_000_000)] == shots(Survey(), 5_000_000)


def test_shots_begin_at_cuts_and_a_flash_is_none() -> None:
    survey = Survey(cuts_micros=(2_000_000, 2_040_000, 4_000_000, 4_900_000))
    assert [0, 2000, 4000] == edges(survey, 5000)


def test_shots_part_in_the_middle_of_black_but_not_at_the_ends() -> None:
    dark = {0, 250, 2000, 2250, 2500, 4750}
    survey = Survey(samples=tuple(sample(at, 0.03 if at in dark else 0.5) for at in range(0, 5000, 250)))
    assert [0, 2250] == edges(survey, 5000)
    assert [0, 2000] == edges(survey.model_copy(update={"cuts_micros": (2_000_000,)}), 5000)


def test_a_face_counts_if_it_is_there_at_two_looks_and_lasts_to_the_next() -> None:
    looks = [(LEFT,), None, (LEFT, RIGHT), None, (), None]
    survey = Survey(samples=tuple(sample(i * 250, faces=faces) for i, faces in enumerate(looks)))
    assert [(LEFT,)] * 4 + [()] * 2 == faces_seen(survey)


def test_an_image_s_only_look_counts() -> None:
    assert [(RIGHT,)] == faces_seen(Survey(samples=(sample(0, faces=(RIGHT,)),)))


def test_long_files_are_sampled_more_thinly_and_looked_at_less_often() -> None:
    assert (4, 2) == (sampling_rate(film(1920, 1080, 60)), samples_between_looks(film(1920, 1080, 60)))
    two_hours = film(1920, 1080, 7200)
    assert 4800 == round(sampling_rate(two_hours) * 7200)
    assert 1200 >= 4800 / samples_between_looks(two_hours)


def test_small_pictures_keep_the_shape() -> None:
    assert (320, 180) == small_size(film(1920, 1080, 1))
    assert (180, 320) == small_size(film(1080, 1920, 1))
    assert (64, 48) == small_size(film(64, 48, 1))
    assert (320, 2) == small_size(film(8000, 10, 1))
