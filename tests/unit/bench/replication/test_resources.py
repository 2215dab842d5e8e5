"""A preset as a cluster's files: the search goes first, the runs follow at the rates it chose."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.replication import resources
from bench.replication.preset import Run, load_preset
from bench.replication.rates import Judged, chosen_rates, searched
from bench.replication.resources import write_preset
from lingraft.errors import CredentialsError, InfrastructureError, LingraftError, UserError
from lingraft.files import load_resource

PRESET = load_preset("paper").model_copy(update={"languages": ["sw"], "seeds": 1})
SEARCH = searched(PRESET, PRESET.arms)
ALL = {(run.arm, run.learning_rate): run.learning_rate for run in SEARCH}
"""Held-out loss that grows with the rate: the lowest is the best."""


def runs(judged: Judged) -> list[Run]:
    rates = chosen_rates(PRESET, PRESET.arms, judged)
    return [PRESET.run(arm, "sw", 0, rate) for arm, rate in rates.items()]


def stored(found: Judged | LingraftError, patch: pytest.MonkeyPatch) -> None:
    def judge(search: Sequence[Run]) -> Judged:
        if isinstance(found, LingraftError):
            raise found
        return found

    patch.setattr(resources, "judge", judge)


def test_of_a_search_that_is_done_the_runs_follow(tmp_path: Path, monkeypatch) -> None:
    stored(ALL, monkeypatch)
    write_preset(SEARCH, runs, tmp_path)
    found = [load_resource(file) for file in sorted(tmp_path.glob("search/*.yaml"))]
    assert len(found) == len(PRESET.arms) * len(PRESET.learning_rates)
    for one in found:
        assert one.spec.tasks == [] and one.spec.language == PRESET.search_language
        assert one.metadata.name.endswith("-search"), "a run may have the same language and rate"
    found = [load_resource(file) for file in sorted(tmp_path.glob("runs/*.yaml"))]
    assert len(found) == len(PRESET.arms)
    for one in found:
        assert one.spec.corpus.uri == "s3://corpora/cc100/sw/"
        assert [task.name for task in one.spec.tasks] == ["xnli"]
        assert one.spec.embeddings.steps == 125_000
        assert one.spec.embeddings.learning_rate == PRESET.learning_rates[0]
        assert one.spec.embeddings.snapshots == PRESET.snapshots, "a cluster keeps the curve's too"


@pytest.mark.parametrize(
    "found, said",
    [
        (CredentialsError("no S3 credentials"), "can be read: no S3 credentials"),
        (InfrastructureError("the store does not answer"), "can be read: the store does not"),
        (dict([*ALL.items()][:4]), "when the search is done: 4 of 15 are"),
    ],
)
def test_until_it_is_done_there_are_no_runs(
    tmp_path: Path, monkeypatch, capsys, found: Judged | LingraftError, said: str
) -> None:
    stored(found, monkeypatch)
    write_preset(SEARCH, runs, tmp_path)
    assert len([*tmp_path.glob("search/*.yaml")]) == len(SEARCH)
    assert not (tmp_path / "runs").exists()
    assert said in capsys.readouterr().out


def test_what_is_wrong_with_the_preset_itself_is_an_error(tmp_path: Path, monkeypatch) -> None:
    stored(UserError("more layers than the base has"), monkeypatch)
    with pytest.raises(UserError, match="more layers"):
        write_preset(SEARCH, runs, tmp_path)


def test_files_of_other_rates_are_not_left_beside_them(tmp_path: Path, monkeypatch) -> None:
    stored(ALL, monkeypatch)
    write_preset(SEARCH, runs, tmp_path)
    write_preset(SEARCH, runs, tmp_path)  # the same again
    stored({key: -bits for key, bits in ALL.items()}, monkeypatch)
    with pytest.raises(UserError, match="must go first"):
        write_preset(SEARCH, runs, tmp_path)


def test_a_search_trains_what_a_run_at_its_rate_trains() -> None:
    preset = load_preset("cpu-small")
    run = searched(preset, ["minipost"])[0]
    whole = preset.run("minipost", run.language, run.seed, run.learning_rate)
    assert run.resource.spec.embeddings == whole.resource.spec.embeddings
    assert run.resource.spec.model_copy(update={"tasks": whole.resource.spec.tasks}) == (
        whole.resource.spec
    )
