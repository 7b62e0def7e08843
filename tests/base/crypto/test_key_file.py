"""The key file opens with its master key only, survives being read by an older and a newer program, and loses nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xinglin.base.crypto import FileKeys, Keys, KeyWatch, Signer, signer, signer_of
from xinglin.base.crypto.master import SoftwareMaster
from xinglin.base.crypto.seal import Broken
from xinglin.base.errors import Conflict, Malformed, NotFound, Unavailable

OLD = {"current": 2, "data": {"1": "31" * 16, "2": "32" * 16}, "index": "69" * 32, "token": "74" * 32}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XINGLIN_MASTER_KEY", "XINGLIN_MASTER_MODULE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "keys.json"


def beside(file: Path) -> Path:
    return file.with_name("keys.json.master")


def facts(keys: Keys) -> tuple[object, ...]:
    return keys.data, keys.current, keys.index, keys.token, keys.signing


def written(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_it_is_made_once_and_holds_no_key_in_clear(file: Path) -> None:
    keys = FileKeys(file).keys()
    assert facts(FileKeys(file).keys()) == facts(keys)
    text = file.read_text() + repr(FileKeys(file).master())
    for secret in (keys.data[1], keys.index, keys.token, keys.signing):
        assert secret.hex() not in text
    assert [len(part) for part in (keys.data[1], keys.index, keys.token, keys.signing)] == [16, 32, 32, 32]
    assert {path.stat().st_mode & 0o777 for path in (file, beside(file))} == {0o600}


def test_processes_that_start_together_make_one_file(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: facts(FileKeys(file).keys()), range(8)))
    assert all(one == made[0] for one in made)
    assert sorted(path.name for path in file.parent.iterdir()) == ["keys.json", "keys.json.master"]


def test_the_plain_file_of_an_older_program_is_wrapped_where_it_lies(file: Path) -> None:
    written(file, json.dumps(OLD))
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: FileKeys(file).keys(), range(8)))
    assert {(*one.data.items(), one.current, one.index, one.token) for one in read} == {
        ((1, b"1" * 16), (2, b"2" * 16), 2, b"i" * 32, b"t" * 32)
    }
    assert "31" * 16 not in file.read_text()
    plain = Keys({1: b"1" * 16, 2: b"2" * 16}, 2, b"i" * 32, b"t" * 32)
    assert signer_of(FileKeys(file).keys()).key_id == signer_of(plain).key_id
    assert set(read[0].made) == {1, 2}


def test_without_its_master_key_it_does_not_open_and_says_which_is_missing(file: Path) -> None:
    FileKeys(file).keys()
    name = FileKeys(file).master().id
    beside(file).unlink()
    with pytest.raises(Unavailable, match=f"The master key {name} .* bring back .*keys.json.master"):
        FileKeys(file).keys()
    assert not beside(file).exists()
    written(beside(file), "00" * 16 + "\n")
    with pytest.raises(Unavailable, match=name):
        FileKeys(file).keys()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 3, "data": {}}', '{"data": {"1": "zz"}}', "null"])
def test_a_damaged_file_is_told_and_left_alone(file: Path, text: str) -> None:
    written(file, text)
    with pytest.raises(Unavailable, match="damaged"):
        FileKeys(file).keys()
    assert file.read_text() == text


def test_one_changed_digit_is_noticed(file: Path) -> None:
    FileKeys(file).keys()
    raw = json.loads(file.read_text())
    for name in ("index", "token", "signing"):
        changed = {**raw, name: ("1" if raw[name][40] != "1" else "2").join((raw[name][:40], raw[name][41:]))}
        with pytest.raises(Unavailable, match="damaged"):
            FileKeys(written(file, json.dumps(changed))).keys()
    with pytest.raises(Unavailable, match="damaged"):  # the keys of two names exchanged
        FileKeys(written(file, json.dumps({**raw, "index": raw["token"], "token": raw["index"]}))).keys()


@pytest.mark.parametrize("which", ["keys.json", "keys.json.master"])
def test_a_file_open_to_others_is_refused(file: Path, which: str) -> None:
    FileKeys(file).keys()
    file.with_name(which).chmod(0o640)
    with pytest.raises(Unavailable, match="0600"):
        FileKeys(file).keys()


def test_a_new_data_key_seals_once_it_is_made_current(file: Path) -> None:
    source = FileKeys(file)
    first = source.keys()
    assert source.add() == 2
    assert (source.keys().current, set(source.keys().data)) == (1, {1, 2})
    source.make_current(2)
    second = source.keys()
    assert (second.current, second.data[1], second.index, second.signing) == (2, first.data[1], first.index, first.signing)
    assert second.made[2] >= second.made[1] == first.made[1]
    with pytest.raises(NotFound):
        source.make_current(3)


def test_a_key_is_retired_then_destroyed_and_its_number_never_comes_again(file: Path) -> None:
    source = FileKeys(file)
    source.keys()
    with pytest.raises(Conflict, match="current"):
        source.retire(1)
    source.make_current(source.add())
    with pytest.raises(Conflict, match="retire it first"):
        source.destroy(1)
    source.retire(1)
    assert (source.keys().retired, 1 in source.keys().data) == (frozenset({1}), True)
    source.renew_master()
    assert source.keys().retired == frozenset({1})
    source.destroy(1)
    assert set(source.keys().data) == {2}
    with pytest.raises(NotFound):
        source.retire(1)
    source.renew_master()
    assert source.add() == 3


def test_the_numbers_of_data_keys_come_to_an_end(file: Path) -> None:
    written(file, json.dumps({**OLD, "current": 255, "data": {"255": "31" * 16}}))
    source = FileKeys(file)
    source.keys()
    with pytest.raises(Conflict, match="255"):
        source.add()


def test_a_new_master_key_wraps_the_same_keys(file: Path) -> None:
    source = FileKeys(file)
    before, old, name = facts(source.keys()), beside(file).read_text(), source.master().id
    assert "keys.json.master" in source.renew_master()
    assert facts(source.keys()) == before
    assert source.master().id != name
    assert old.strip() not in beside(file).read_text()
    assert len(beside(file).read_text().split()) == 1


def test_cut_off_while_the_master_key_changes_it_opens_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileKeys(file)
    before = facts(source.keys())

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("xinglin.base.crypto.key_file.FileKeys._write", "xinglin.base.crypto.master.keep_newest"):
        with monkeypatch.context() as patched:
            patched.setattr(step, cut_off)
            with pytest.raises(KeyboardInterrupt):
                source.renew_master()
        assert facts(FileKeys(file).keys()) == before
    source.renew_master()
    assert (facts(source.keys()), len(beside(file).read_text().split())) == (before, 1)


def test_the_master_key_moves_into_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts(FileKeys(file).keys())
    monkeypatch.setenv("XINGLIN_MASTER_KEY", "5a" * 16)
    assert facts(FileKeys(file).keys()) == before  # still under the file's, until it is moved
    assert "environment" in FileKeys(file).renew_master()
    assert not beside(file).exists()
    assert facts(FileKeys(file).keys()) == before
    monkeypatch.setenv("XINGLIN_MASTER_KEY", "5b" * 16)
    with pytest.raises(Unavailable, match="master key"):
        FileKeys(file).keys()
    monkeypatch.setenv("XINGLIN_MASTER_KEY", "short")
    with pytest.raises(Malformed, match="32 hexadecimal digits") as told:
        FileKeys(file).keys()
    assert "short" not in str(told.value)


class Module:
    """A hardware module in miniature: it wraps and signs, and shows no key."""

    id, kept = "module-7", "the module in slot 7"

    def __init__(self) -> None:
        self._inside = SoftwareMaster(b"inside the wall!", "sm4", self.kept)

    def wrap(self, key: bytes, label: bytes) -> bytes:
        return self._inside.wrap(key, label)

    def unwrap(self, wrapped: bytes, label: bytes) -> bytes:
        return self._inside.unwrap(wrapped, label)

    def signer(self) -> Signer:
        return signer(b"inside" * 8)


def test_a_module_wraps_the_keys_and_signs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xinglin.base.crypto.master.import_module", lambda _name: type("m", (), {"slot": Module}))
    monkeypatch.setenv("XINGLIN_MASTER_MODULE", "adapter:slot")
    keys = FileKeys(file).keys()
    assert json.loads(file.read_text())["master"] == "module-7"
    assert not beside(file).exists()
    assert signer_of(keys).key_id == Module().signer().key_id
    assert signer_of(FileKeys(file).keys()).key_id == signer_of(keys).key_id


def test_a_module_there_is_not_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_MASTER_MODULE", "no_such_module:slot")
    with pytest.raises(Unavailable, match="no_such_module:slot"):
        FileKeys(file).keys()


def test_a_wrapped_key_opens_under_its_own_name_only() -> None:
    one = SoftwareMaster(b"k" * 16, "aes", "here")
    assert one.unwrap(one.wrap(b"secret", b"name"), b"name") == b"secret"
    with pytest.raises(Broken):
        one.unwrap(one.wrap(b"secret", b"name"), b"other")


def test_a_watch_tells_of_news_once_and_of_strangers_never(file: Path) -> None:
    source = FileKeys(file)
    keys, watch = source.keys(), KeyWatch(file, "sm4")
    assert watch.news(keys) is not None  # the first look: the file may have changed since it was read
    assert watch.news(keys) is None
    source.make_current(source.add())
    news = watch.news(keys)
    assert news is not None
    assert (news.current, watch.news(news)) == (2, None)
    stranger = file.with_name("stranger.json")
    FileKeys(stranger).keys()
    stranger.replace(file)
    stranger.with_name("stranger.json.master").replace(beside(file))
    assert watch.news(news) is None
    file.unlink()
    assert watch.news(news) is None
    assert not file.exists()


def test_a_watch_keeps_the_keys_while_the_file_is_damaged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys, watch = FileKeys(file).keys(), KeyWatch(file, "sm4")
    written(file, "{")
    assert watch.news(keys) is None
    assert "damaged" in caplog.text
    assert keys.data[1].hex() not in caplog.text


def test_the_master_key_moves_back_into_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_MASTER_KEY", "5a" * 16)
    before = facts(FileKeys(file).keys())
    assert not beside(file).exists()
    written(beside(file), "5a" * 16 + "\n")
    monkeypatch.delenv("XINGLIN_MASTER_KEY")
    assert "keys.json.master" in FileKeys(file).renew_master()
    assert facts(FileKeys(file).keys()) == before
    assert "5a" * 16 not in beside(file).read_text()
