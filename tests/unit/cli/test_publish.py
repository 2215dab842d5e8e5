"""What a place holds, and going back: what the command says of it."""

from pathlib import Path

from lingraft.commands.publish import ROLLBACK
from lingraft.store import open_store
from lingraft_operator import names
from tests.support.cli import RESOURCE, call
from tests.support.publishing import publish, read

OLD, NEW = "0123456789ab", "ba9876543210"


def test_going_back_says_what_readers_get(capsys, file: Path, tmp_path: Path):
    file.write_text(RESOURCE + "  publish: {uri: place/}\n")
    code, out, _ = call(capsys, "publish", "-f", str(file))
    assert code == 0 and out.endswith("holds nothing yet\n")
    store = open_store(f"{(tmp_path / 'place').as_uri()}/")
    publish(store, tmp_path, OLD)
    publish(store, tmp_path, NEW)
    code, out, _ = call(capsys, "publish", "-f", str(file))
    (held,) = [line for line in out.splitlines() if "current since" in line]
    assert code == 0 and held.startswith(NEW)
    code, out, _ = call(capsys, "publish", "-f", str(file), "--to", OLD)
    assert code == 0 and read(store) == OLD
    assert out.endswith(f"\nreaders get {OLD} from now on\n"), "no cluster reads a folder here"
    assert call(capsys, "publish", "-f", str(file), "--to", OLD)[1].endswith(f"{OLD} already\n")
    code, _, err = call(capsys, "publish", "-f", str(file), "--to", "ffffffffffff")
    assert code == 2 and "ffffffffffff is no whole version; there are: " in err


def test_of_a_bucket_it_says_how_the_cluster_sees_it(capsys, file: Path, tmp_path, monkeypatch):
    file.write_text(RESOURCE + "  publish: {uri: s3://models/sw/}\n")
    store = open_store(f"{(tmp_path / 'place').as_uri()}/")
    publish(store, tmp_path, OLD)
    monkeypatch.setattr("lingraft.store.open_store", lambda uri: store)
    code, out, _ = call(capsys, "publish", "-f", str(file), "--to", OLD)
    assert code == 0
    assert out.endswith(f"kubectl annotate la demo -n default {ROLLBACK}={OLD} --overwrite\n")
    assert names.ROLLBACK == ROLLBACK


def test_a_damaged_record_is_written_anew(capsys, file: Path, tmp_path: Path):
    file.write_text(RESOURCE + "  publish: {uri: place/}\n")
    store = open_store(f"{(tmp_path / 'place').as_uri()}/")
    publish(store, tmp_path, OLD)
    (tmp_path / "place/current.json").write_text("{")
    for arguments in ((), ("--to", OLD)):
        code, _, err = call(capsys, "publish", "-f", str(file), *arguments)
        assert code == 1
        assert "place/current.json: it is damaged, and readers follow it; delete it" in err
    (tmp_path / "place/current.json").unlink()
    assert call(capsys, "publish", "-f", str(file), "--to", OLD)[0] == 0 and read(store) == OLD
