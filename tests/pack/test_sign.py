# SPDX-License-Identifier: Apache-2.0
"""Signatures, held against openssl's own program."""

import base64
import json
import subprocess

import pytest

import paycheck

SIZES = {"rsa2048": 256, "rsa3072": 384, "rsa4096": 512, "p256": 72}


@pytest.fixture(name="pair", scope="module")
def what_is_signed(small_pair):
    return small_pair


def openssl(*args, **options):
    return subprocess.run(["openssl", *map(str, args)], capture_output=True, timeout=60, check=False,
                          **options)


def verifies(public, digest, signature, folder):
    (folder / "d").write_bytes(digest)
    (folder / "s").write_bytes(signature)
    return openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-in", folder / "d", "-sigfile",
                   folder / "s", "-pkeyopt", "digest:sha256").returncode == 0


def check_with_openssl(path, publics, folder):
    """Every signature, in order, verifies with its key."""
    payload = paycheck.Payload(path)
    metadata = paycheck.signatures(payload.metadata_signature)
    whole = paycheck.signatures(payload.payload_signature)
    assert len(metadata) == len(whole) == len(publics)
    for public, m, p in zip(publics, metadata, whole):
        assert verifies(public, payload.metadata_hash, m.bare, folder)
        assert verifies(public, payload.payload_hash, p.bare, folder)
        assert not verifies(public, payload.metadata_hash, p.bare, folder)


@pytest.mark.parametrize("kind", SIZES)
def test_every_type_of_key(pack, pair, keys, kind):
    private, public = keys(kind)
    path = pack.full(pair[1], f"--key={private}", "--profile=chromeos")
    pack.check(path, None, pair[1])
    check_with_openssl(path, [public], pack.folder)
    assert "signatures: good" in pack.ok("verify", path, f"--public-key={public}").stdout
    signature = paycheck.signatures(paycheck.Payload(path).metadata_signature)[0]
    assert len(signature.data) == SIZES[kind]
    assert path.read_bytes() == pack.full(pair[1], f"--key={private}", "--profile=chromeos",
                                          output="again").read_bytes()


def test_several_keys(pack, pair, keys, tmp_path):
    pairs = [keys("rsa2048"), keys("p256"), keys("rsa4096")]
    path = pack.delta(*pair, *[f"--key={private}" for private, _ in pairs])
    pack.check(path, *pair)
    check_with_openssl(path, [public for _, public in pairs], tmp_path)
    for _, public in pairs:
        pack.ok("verify", path, f"--public-key={public}", "--partition", f"root={pair[0]}")
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "one.pem").write_bytes(pairs[1][1].read_bytes())
    pack.ok("verify", path, f"--public-key={folder}")
    manifest = json.loads((tmp_path / "delta.pl.json").read_text())
    assert base64.b64decode(manifest["public_key"]) == pairs[0][1].read_bytes()
    assert len(set(manifest["signing_keys"])) == 3


def test_wrong_key(pack, pair, keys, tmp_path):
    private, _ = keys("rsa2048")
    _, stranger = keys("rsa3072")
    path = pack.full(pair[1], f"--key={private}")
    assert "no given key verifies" in pack.fails("verify", path, f"--public-key={stranger}")
    assert "signed: give --public-key" in pack.fails("verify", path, status=2)
    pack.fails("apply", path, "made.img", f"--public-key={stranger}")
    assert not (tmp_path / "made.img").exists()
    unsigned = pack.full(pair[1], output="unsigned.pl")
    assert "not signed" in pack.fails("verify", unsigned, f"--public-key={stranger}")
    assert "signatures: none" in pack.ok("verify", unsigned).stdout


def test_changed_payload(pack, pair, keys, tmp_path):
    private, public = keys("p256")
    path = pack.delta(*pair, f"--key={private}")
    payload = paycheck.Payload(path)
    # the version's text in the manifest
    data = bytearray(path.read_bytes())
    place = payload.metadata.rindex(b"root")
    data[place] ^= 1
    path.write_bytes(data)
    assert "no given key verifies" in pack.fails("verify", path, f"--public-key={public}")


def test_bad_keys(pack, pair, keys, tmp_path):
    private, public = keys("rsa2048")
    (tmp_path / "text").write_text("no key")
    full = ["full", pair[1], "--output=p", "--app-id=a", "--target-version=2"]
    assert "text" in pack.fails(*full, f"--key={tmp_path / 'text'}")
    assert str(public) in pack.fails(*full, f"--key={public}")
    assert "No such file" in pack.fails(*full, "--key=/nonexistent")
    assert "given twice" in pack.fails(*full, f"--key={private}", f"--key={private}")
    assert "rsa1024" in pack.fails("keygen", "--type=rsa1024", "a", "b", status=2)
    before = private.read_bytes()
    pack.fails("keygen", private, tmp_path / "new")  # never overwrites
    assert private.read_bytes() == before
    assert private.stat().st_mode & 0o777 == 0o600


def sign_outside(kind, private, folder, payload, way):
    """As the manual page shows it; the two signature files."""
    names = []
    for part in ("metadata", "payload"):
        digest, signature = f"{payload}.{part}.sha256", folder / f"{kind}.{part}.sig"
        if way == "pkeyutl":
            made = openssl("pkeyutl", "-sign", "-inkey", private, "-in", digest, "-out", signature,
                           "-pkeyopt", "digest:sha256")
        else:  # a signer that wants the bytes and hashes them itself
            content = paycheck.Payload(payload)
            end = content.blobs_start + content.signatures_offset
            data = content.metadata if part == "metadata" else (
                content.metadata + content.bytes[content.blobs_start:end])
            made = openssl("dgst", "-sha256", "-sign", private, "-out", signature, input=data)
        assert made.returncode == 0, made.stderr
        names.append(signature)
    return f"{names[0]}:{names[1]}"


@pytest.mark.parametrize("kinds", [["rsa2048"], ["p256"], ["rsa4096", "p256"]])
@pytest.mark.parametrize("way", ["pkeyutl", "dgst"])
def test_signatures_made_elsewhere(pack, pair, keys, tmp_path, kinds, way):
    made = [keys(kind) for kind in kinds]
    path = pack.delta(*pair, "--hash-only", *[f"--signature-size={SIZES[kind]}" for kind in kinds])
    pack.check(path, *pair)
    payload = paycheck.Payload(path)
    assert (tmp_path / "delta.pl.metadata.sha256").read_bytes() == payload.metadata_hash
    assert (tmp_path / "delta.pl.payload.sha256").read_bytes() == payload.payload_hash
    assert json.loads((tmp_path / "delta.pl.json").read_text())["metadata_signature"] == ""
    pack.fails("verify", path, f"--public-key={made[0][1]}")
    pairs = [sign_outside(kind, private, tmp_path, path, way)
             for kind, (private, _) in zip(kinds, made)]
    pack.ok("sign", path, *[f"--add-signature={p}" for p in pairs],
            *[f"--public-key={public}" for _, public in made])
    pack.check(path, *pair)
    check_with_openssl(path, [public for _, public in made], tmp_path)
    for _, public in made:
        pack.ok("verify", path, f"--public-key={public}", "--partition", f"root={pair[0]}")
    # the same bytes as with the keys at hand, unless the signer draws a random number
    direct = pack.delta(*pair, *[f"--key={private}" for private, _ in made], output="direct.pl")
    signed, wanted = [json.loads((tmp_path / f"{n}.pl.json").read_text())
                      for n in ("delta", "direct")]
    if "p256" not in kinds:
        assert direct.read_bytes() == path.read_bytes()
        assert signed == wanted
    assert signed["signing_keys"] == wanted["signing_keys"]
    assert signed["public_key"] == wanted["public_key"]
    assert "signed already" in pack.fails("sign", path, *[f"--add-signature={p}" for p in pairs],
                                          *[f"--public-key={public}" for _, public in made],
                                          status=2)


def test_sign_to_another_file(pack, pair, keys, tmp_path):
    private, public = keys("p256")
    path = pack.full(pair[1], "--hash-only", "--signature-size=72", "--manifest=m.json")
    before = path.read_bytes()
    signatures = sign_outside("p256", private, tmp_path, path, "pkeyutl")
    pack.ok("sign", path, f"--add-signature={signatures}", f"--public-key={public}",
            "--manifest=m.json", "--output=signed.pl")
    assert path.read_bytes() == before
    pack.ok("verify", "signed.pl", f"--public-key={public}")
    manifest = json.loads((tmp_path / "signed.pl.json").read_text())
    assert manifest["signing_keys"] and manifest["size"] == (tmp_path / "signed.pl").stat().st_size


def test_signatures_that_do_not_fit(pack, pair, keys, tmp_path):
    private, public = keys("rsa2048")
    other_private, other_public = keys("p256")
    path = pack.full(pair[1], "--hash-only", "--signature-size=256")
    before = path.read_bytes()
    good = sign_outside("rsa2048", private, tmp_path, path, "pkeyutl")
    other = sign_outside("p256", other_private, tmp_path, path, "pkeyutl")
    metadata, payload = good.split(":")
    trusted = f"--public-key={public}"
    assert "does not verify" in pack.fails("sign", path, f"--add-signature={payload}:{metadata}",
                                           trusted)
    assert "does not verify" in pack.fails("sign", path, f"--add-signature={good}",
                                           f"--public-key={other_public}")
    assert "another key" in pack.fails(
        "sign", path, f"--add-signature={metadata}:{other.split(':')[1]}", trusted,
        f"--public-key={other_public}", status=2)
    assert "room for 1 signatures" in pack.fails("sign", path, f"--add-signature={good}",
                                                 f"--add-signature={good}", trusted, status=2)
    assert "METADATA:PAYLOAD" in pack.fails("sign", path, f"--add-signature={metadata}", trusted,
                                            status=2)
    unsigned = pack.full(pair[1], output="unsigned.pl")
    assert "room for 0" in pack.fails("sign", unsigned, f"--add-signature={good}", trusted,
                                      status=2)
    assert "100" in pack.fails("full", pair[1], "--output=p", "--app-id=a", "--target-version=2",
                               "--hash-only", "--signature-size=100", status=2)
    assert path.read_bytes() == before
