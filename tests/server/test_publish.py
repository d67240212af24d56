# SPDX-License-Identifier: Apache-2.0
"""What may be published, and that what is refused leaves nothing behind."""

import base64
import json
import os
import subprocess

import pytest
from server_payload import Payload, blocks
from server_tools import PROGRAM, run, run_json, where

BOTH_STORES = True
ABOVE_STORES = ("test_bad_manifests",)


def releases(data):
    return run_json(data, "release", "list")[0]["releases"]


def listing(data):
    result = run(data, "release", "list", "--json", check=False)
    return json.loads(result.stdout) if result.returncode == 0 else []


def files(data):
    folder = data / "payloads"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_full_and_deltas(publish, data):
    full = publish("2.0")
    first = publish("2.0", source="1.0")
    second = publish("2.0", source="1.1", n_blocks=5)
    listed = releases(data)
    assert len(listed) == 1 and listed[0]["version"] == "2.0"
    assert [(p["source_version"], p["sha256"], p["size"]) for p in listed[0]["payloads"]] == [
        (None, full.sha256, len(full.bytes)), ("1.0", first.sha256, len(first.bytes)),
        ("1.1", second.sha256, len(second.bytes))]
    for payload in (full, first, second):
        assert (data / "payloads" / payload.sha256).read_bytes() == payload.bytes


def test_again_is_fine(publish, data):
    payload = publish("2.0")
    result = run(data, "publish", payload.path, "--deadline=now")
    assert "already in" in result.stdout
    assert len(releases(data)[0]["payloads"]) == 1
    assert releases(data)[0]["deadline"] == "now"


def test_another_one_for_the_same_place_is_not(publish, data, tmp_path):
    old = publish("2.0")
    other = Payload(tmp_path / "other.bin", "2.0", blocks(4, "other"))
    result = run(data, "publish", other.path, check=False)
    assert result.returncode == 1 and "already has another full payload" in result.stderr
    assert [p["sha256"] for p in releases(data)[0]["payloads"]] == [old.sha256]


def spoil(payload, data, message, *options):
    """Publishing it must fail with this message, and change nothing."""
    before = listing(data)
    result = run(data, "publish", payload.path, *options, check=False)
    assert message in result.stderr
    assert result.returncode == 1
    assert listing(data) == before
    assert payload.sha256 not in files(data)


@pytest.mark.parametrize("changes, message", [
    ({"sha256_hex": base64.b64encode(bytes(32)).decode()}, "its JSON manifest says another"),
    ({"size": 5}, "its JSON manifest says 5"),
    ({"metadata_size": 5}, "the JSON manifest says 5"),
    ({"is_delta": True, "source_version": "1.0"}, "this is a full payload"),
    ({"is_delta": True, "source_version": ""}, "a delta needs a 'source_version'"),
    ({"is_delta": "yes"}, "'is_delta' is not true or false"),
    ({"appid": ...}, "'appid' is missing"),
    ({"appid": ""}, "'appid' is missing"),
    ({"appid": "with space"}, "can't be an app id"),
    ({"target_version": "2.0/../.."}, "can't be a version"),
    ({"target_version": "2" * 65}, "can't be a version"),
    ({"target_version": None}, "'target_version' is missing"),
    ({"size": "big"}, "'size' is not a whole number"),
    ({"size": -1}, "'size' is not a whole number"),
    ({"sha256_hex": "zz"}, "not a SHA-256"),
    ({"sha256_hex": ...}, "'sha256_hex' is missing"),
    ({"public_key": "&&&"}, "'public_key' is not a PEM"),
    ({"metadata_signature": 5}, "'metadata_signature' is not a text"),
])
def test_bad_manifests(data, tmp_path, changes, message):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1), **changes)
    spoil(payload, data, message)


def test_source_version_of_a_full_payload_does_not_count(data, tmp_path):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1), source="2.0")
    run(data, "publish", payload.path)
    assert releases(data)[0]["payloads"][0]["source_version"] is None


def test_manifest_text(data, tmp_path):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1))
    manifest = tmp_path / "p.bin.json"
    text = manifest.read_text()
    for bad, message in (("", "line"), ("[]", "not an object"), ("{" * 5000, "line"),
                         (text[:-1] + ', "size": 5}', "duplicate"), (text + "x", "line")):
        manifest.write_text(bad)
        spoil(payload, data, message)
    manifest.unlink()
    spoil(payload, data, "No such file")
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(text)
    run(data, "publish", payload.path, f"--manifest={elsewhere}")


def test_hex_hash_is_taken(data, tmp_path):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1))
    payload.manifest["sha256_hex"] = payload.sha256
    payload.write_manifest()
    run(data, "publish", payload.path)


def rewrite(payload, content):
    """Other bytes, with a manifest that says so: only the payload itself is wrong."""
    import hashlib
    payload.path.write_bytes(content)
    payload.sha256 = hashlib.sha256(content).hexdigest()
    payload.manifest.update(size=len(content), sha256_hex=payload.sha256)
    payload.write_manifest()


def test_bad_payloads(data, tmp_path):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1))
    good = payload.bytes
    for content in (good[:-1], good + b"x", good[:30], b"x", b"NOPE" + good[4:],
                    good[:11] + b"\x03" + good[12:], b"\0" * 100000):
        rewrite(payload, content)
        spoil(payload, data, "p.bin")
    spoil(Payload(tmp_path / "x.bin", "2.0", blocks(1, 1), size=1), data, "says 1")
    payload.path.unlink()
    spoil(payload, data, "No such file")


def test_version_inside_the_payload_binds(data, tmp_path):
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1), bind=True, target_version="3.0")
    spoil(payload, data, "has version '2.0', the JSON manifest says '3.0'")
    payload.manifest["target_version"] = "2.0"
    payload.write_manifest()
    run(data, "publish", payload.path)


# Signatures

def test_signed(publish, data, keys, serve):
    payload = publish("2.0", key=keys[0], options=[f"--public-key={keys[0].public}"])
    shown = run(data, "app", "show").stdout
    assert shown.count("key ") == 1
    action = serve().ask().check.find("manifest/actions/action[@event='postinstall']")
    assert action.get("MetadataSignatureRsa") == payload.manifest["metadata_signature"]
    assert action.get("MetadataSize") == str(payload.manifest["metadata_size"])


def test_key_is_remembered(publish, data, tmp_path, keys):
    publish("2.0", key=keys[0], options=[f"--public-key={keys[0].public}"])
    publish("2.1", key=keys[0])
    spoil(Payload(tmp_path / "a", "2.2", blocks(3, 2)), data, "is not signed")
    spoil(Payload(tmp_path / "b", "2.3", blocks(3, 3), key=keys[1]), data,
          "no known key has signed")
    # A new key, named once, is known from then on; an old one can go.
    first = run(data, "app", "show").stdout.split("key ")[1].strip()
    publish("2.4", key=keys[1], options=[f"--public-key={keys[1].public}"])
    run(data, "app", "set", f"--remove-key={first}")
    spoil(Payload(tmp_path / "c", "2.5", blocks(3, 5), key=keys[0]), data,
          "no known key has signed")
    run(data, "app", "set", f"--add-key={keys[0].public}")
    run(data, "publish", tmp_path / "c")
    assert run(data, "app", "set", "--remove-key=0000", check=False).returncode == 1


def test_threshold_of_keys(data, tmp_path, keys):
    """As on devices: so many different keys, each counted once."""
    options = [f"--public-key={key.public}" for key in keys] + ["--required-signatures=2"]
    one = Payload(tmp_path / "a", "2.0", blocks(3, 1), key=keys[0])
    spoil(one, data, "1 of the app's keys signed the metadata, 2 must have", *options)
    twice = Payload(tmp_path / "b", "2.0", blocks(3, 1), key=[keys[0], keys[0]])
    spoil(twice, data, "1 of the app's keys signed the metadata, 2 must have", *options)
    spoil(twice, data, "are demanded", "--required-signatures=2")
    both = Payload(tmp_path / "c", "2.0", blocks(3, 1), key=[keys[1], keys[0]])
    run(data, "publish", both.path, *options)
    later = Payload(tmp_path / "d", "3.0", blocks(3, 2), key=keys[0])
    spoil(later, data, "2 must have")  # it remembers


def test_wrong_signatures(data, tmp_path, keys):
    option = f"--public-key={keys[0].public}"
    by_other = Payload(tmp_path / "a", "2.0", blocks(3, 1), key=keys[1])
    spoil(by_other, data, "no known key has signed the metadata", option)
    mixed = Payload(tmp_path / "b", "2.0", blocks(3, 1), key=keys[1], metadata_key=keys[0])
    spoil(mixed, data, "no known key has signed the payload", option)
    good = Payload(tmp_path / "c", "2.0", blocks(3, 1), key=keys[0])
    good.manifest["metadata_signature"] = by_other.manifest["metadata_signature"]
    good.write_manifest()
    spoil(good, data, "in the JSON manifest's words", option)
    good.manifest["metadata_signature"] = ""
    good.write_manifest()
    spoil(good, data, "in the JSON manifest's words", option)
    unsigned = Payload(tmp_path / "d", "2.0", blocks(3, 1))
    spoil(unsigned, data, "the metadata is not signed", option)
    spoil(unsigned, data, "no-such-key", "--public-key=no-such-key.pem")


def test_without_any_key_a_warning(data, tmp_path, keys):
    payload = Payload(tmp_path / "a", "2.0", blocks(3, 1), key=keys[0])
    result = run(data, "publish", payload.path)
    assert "nobody's signature was checked" in result.stderr
    # The manifest's own key proves nothing, but it must fit.
    torn = Payload(tmp_path / "b", "2.1", blocks(3, 2), key=keys[0],
                   public_key=base64.b64encode(keys[1].public.read_bytes()).decode())
    spoil(torn, data, "no known key has signed")


# Removal and crashes

def test_removal(publish, data, serve):
    first = publish("2.0")
    second = publish("3.0")
    server = serve()
    result = run(data, "release", "remove", "3.0", check=False)
    assert result.returncode == 1 and "channel 'stable' carries" in result.stderr
    run(data, "release", "remove", "2.0")
    assert first.sha256 not in files(data) and second.sha256 in files(data)
    assert server.get("/payloads/" + first.sha256).status == 404
    assert run(data, "release", "remove", "2.0", check=False).returncode == 1
    assert run(data, "release", "show", "3.0").stdout.count(second.sha256) == 1


def test_a_file_that_two_releases_share_stays(data, tmp_path):
    new = blocks(3, 1)
    Payload(tmp_path / "a", "2.0", new)
    Payload(tmp_path / "b", "2.1", new)
    run(data, "publish", tmp_path / "a")
    run(data, "publish", tmp_path / "b")
    assert len(files(data)) == 2  # and the lock
    run(data, "release", "remove", "2.0")
    assert len(files(data)) == 2
    run(data, "release", "remove", "2.1")
    assert files(data) == ["lock"]


def test_killed_at_any_moment(data, tmp_path):
    """A publish that is killed is there as a whole or not at all, and can be done again."""
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(500, 1))
    for delay in (0.001, 0.004, 0.01, 0.02, 0.04, 0.08):
        process = subprocess.Popen([PROGRAM, "publish", payload.path, "--channel=stable",
                                    f"--data={data}"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shown = run(data, "release", "list", "--json", check=False)
        for app in json.loads(shown.stdout) if shown.returncode == 0 else []:
            for release in app["releases"]:
                for p in release["payloads"]:
                    assert (data / "payloads" / p["sha256"]).read_bytes() == payload.bytes
    run(data, "publish", payload.path, "--channel=stable")
    assert files(data) == [payload.sha256, "lock"]


def test_a_half_file_with_the_right_name_is_replaced(publish, data, tmp_path):
    """Whoever put it there: name and size must fit before it is believed."""
    payload = Payload(tmp_path / "p.bin", "2.0", blocks(3, 1))
    os.makedirs(data / "payloads")
    (data / "payloads" / payload.sha256).write_bytes(payload.bytes[:100])
    run(data, "publish", payload.path)
    assert (data / "payloads" / payload.sha256).read_bytes() == payload.bytes


def test_at_the_same_time(data, tmp_path):
    payloads = [Payload(tmp_path / f"p{i}.bin", f"2.{i}", blocks(20, i)) for i in range(8)]
    processes = [subprocess.Popen([PROGRAM, "publish", p.path, *where(data), "--channel=c"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                 for p in payloads]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert {r["version"] for r in releases(data)} == {p.version for p in payloads}
