"""The pages made from code say what the code says."""

from hack import docs
from mediaops.crd import RESOURCES, openapi
from mediaops.operations.filter import FilterStep
from mediaops.reasons import Reason


def test_pages_are_current() -> None:
    assert docs.stale() == []


def test_troubleshooting_explains_every_reason() -> None:
    page = docs.troubleshooting_page()
    for reason in Reason:
        assert f"### {reason}\n\n{reason.sentence}\n" in page
        assert reason.cause in page
        assert reason.fix in page


def test_reference_names_every_field_and_every_refusal() -> None:
    for resource in RESOURCES:
        page = docs.reference_page(resource)
        for part in ("spec", "status"):
            for path, node in docs.objects(openapi(resource)["properties"][part], part):
                assert f"## `{path}`\n" in page
                assert all(f"| `{name}`" in page for name in node["properties"])
                assert all(rule["message"] in page for rule in node.get("x-kubernetes-validations", []))


def test_links_to_sections_lead_somewhere() -> None:
    for resource in RESOURCES:
        page = docs.reference_page(resource)
        headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
        anchors = {"".join(letter for letter in heading.lower() if letter.isalnum()) for heading in headings}
        links = {part.partition(")")[0] for part in page.split("](#")[1:]}
        assert len(links) > 5
        assert links <= anchors


def test_every_filter_is_shown_and_the_pictures_are_small() -> None:
    page = (docs.ROOT / "docs" / "filters.md").read_text()
    pictures = {path.name: path.stat().st_size for path in (docs.ROOT / "docs/pictures/filters").iterdir()}
    for name in FilterStep.model_json_schema(by_alias=True)["properties"]:
        assert f"`- {name}: " in page
    assert all(f"pictures/filters/{name}" in page for name in pictures)
    assert all(size <= 30_000 for size in pictures.values())
    assert page.count("](pictures/") == len(pictures)
