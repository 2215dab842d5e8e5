"""Credentials are those of this moment; who waits for others calls again, and nobody else."""

from pathlib import Path

import pytest

from lingraft.errors import CredentialsError
from lingraft.store import credentials

REFUSED = CredentialsError("refused", where="s3://b/")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mounted Secret, as the kubelet lays it out, and an environment that is older."""
    for name in credentials.KEYS:
        monkeypatch.setenv(name, "old")
    monkeypatch.setenv(credentials.FOLDER, str(tmp_path))
    for variable in credentials.FILES:
        monkeypatch.setenv(variable, str(tmp_path / variable))
    mount(tmp_path, "first", AWS_ACCESS_KEY_ID="id\n", AWS_SECRET_ACCESS_KEY="secret")
    return tmp_path


def mount(folder: Path, version: str, **keys: str) -> None:
    (folder / version).mkdir()
    for key, value in keys.items():
        (folder / version / key).write_text(value)
        link = folder / key
        if not link.is_symlink():
            link.symlink_to(Path("..data", key))
    link = folder / "..new"
    link.symlink_to(version)
    link.rename(folder / "..data")


def test_a_mounted_secret_wins_and_a_change_of_it_is_seen(folder: Path) -> None:
    first = dict(credentials.settings())
    assert (first["AWS_ACCESS_KEY_ID"], first["AWS_SECRET_ACCESS_KEY"]) == ("id", "secret")
    assert "AWS_SESSION_TOKEN" not in first, "the token of other keys"
    assert credentials.settings() == tuple(sorted(first.items())), "the same client"
    mount(folder, "second", AWS_ACCESS_KEY_ID="new", AWS_SECRET_ACCESS_KEY="s")
    assert dict(credentials.settings())["AWS_ACCESS_KEY_ID"] == "new"
    assert credentials.renewable()


def test_a_profile_that_is_written_anew_asks_for_another_client(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(credentials.FOLDER)
    before = credentials.settings()
    assert not credentials.renewable(), "what the process was started with stays"
    (folder / "AWS_SHARED_CREDENTIALS_FILE").write_text("[default]\n")
    assert credentials.settings() != before
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert credentials.renewable()


def test_a_pod_without_a_secret_goes_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(credentials.FOLDER, str(tmp_path / "not mounted"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env")
    assert dict(credentials.settings())["AWS_ACCESS_KEY_ID"] == "env"


def test_only_what_was_taken_before_is_waited_for() -> None:
    waited: list[float] = []
    credentials.accepted("bucket", "get")
    with pytest.raises(CredentialsError):
        credentials.refused(REFUSED, "bucket", "get", 0.0)
    with credentials.patient(lambda error, seconds: waited.append(seconds)):
        credentials.refused(REFUSED, "bucket", "get", 1.5)
        for bucket, call in (("bucket", "put"), ("other", "get")):
            with pytest.raises(CredentialsError):
                credentials.refused(REFUSED, bucket, call, 0.0)
    assert waited == [1.5]
