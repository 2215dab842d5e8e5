import pytest

from lingraft_operator.metrics import verb_and_kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/apis/ray.io/v1", "discovery"),
        ("/api/v1", "discovery"),
        ("/apis/lingraft.dev/v1alpha1/languageadaptations", "languageadaptations"),
        ("/api/v1/pods", "pods"),
        ("/apis/ray.io/v1/namespaces/a/rayjobs", "rayjobs"),
        ("/apis/ray.io/v1/namespaces/a/rayjobs/corpus-1", "rayjobs"),
        ("/apis/lingraft.dev/v1alpha1/namespaces/a/languageadaptations/b/status",
         "languageadaptations/status"),
    ],
)  # fmt: skip
def test_calls_are_counted_by_what_they_are_about(path: str, kind: str) -> None:
    assert verb_and_kind("GET", path) == ("get", kind)
