# SPDX-License-Identifier: Apache-2.0
"""Who may sign: keys in PKCS#11 tokens, several keys, several signers; and docs/keys.md as printed."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, PROGRAM

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "keys.md"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
INSTALL = BUILD / "src" / "bin" / "swb-install" / "swb-install"
PIN = "4711-example"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two small images: here it matters little what is in them."""
    folder = tmp_path_factory.mktemp("small")
    content = random.Random(1).randbytes(200_000).ljust(1 << 20, b"\0")
    (folder / "old").write_bytes(content)
    (folder / "new").write_bytes(content[:100_000] + content[100_005:] + bytes(5))
    return folder / "old", folder / "new"


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, timeout=120,
                          **options)


def is_sanitized():
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


def blocks(document):
    """The indented blocks of a page, each without its indentation."""
    paragraph = r"(?:(?:^(?: {4}|\t).*|)\n)+"
    for match in re.finditer(r"\n\n(" + paragraph + ")", document.read_text(), re.M):
        if match.group(1).strip():
            yield match.group(1)


def test_the_document_as_printed(pair, tmp_path):
    shutil.copy(pair[0], tmp_path / "old.ext4")
    shutil.copy(pair[1], tmp_path / "new.ext4")
    script = "set -euo pipefail\n" + "".join(blocks(DOCUMENT))
    assert script.count("swb-pack ") > 15
    environment = dict(os.environ, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("signatures: good") == script.count("swb-pack verify")
    first = next(line for line in done.stdout.splitlines() if re.fullmatch("[0-9a-f]{16}", line))
    assert f"signatures: good, key {first}\n" in done.stdout  # the id as openssl tells it


# ---- tokens ----

@pytest.fixture
def token(tmp_path, monkeypatch):
    """token(kind, id): the URI (without a PIN) of a new key, and its public key's file."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    run("softhsm2-util", "--init-token", "--free", "--label", "test", "--so-pin", "12345678",
        "--pin", PIN)
    tool = ["pkcs11-tool", "--module", MODULE, "--token-label", "test"]

    def make(kind, key_id):
        run(*tool, "--login", "--pin", PIN, "--keypairgen", "--key-type", kind, "--label",
            f"key-{key_id}", "--id", key_id)
        public = tmp_path / f"{key_id}.pub.pem"
        if kind in ("rsa:2048", "EC:prime256v1"):
            der = run(*tool, "--read-object", "--type", "pubkey", "--id", key_id).stdout
            run("openssl", "pkey", "-pubin", "-inform", "DER", "-out", public, input=der)
        return f"pkcs11:token=test;object=key-{key_id}?module-path={MODULE}", public
    return make


def test_token_kinds(pack, pair, token):
    rsa, rsa_public = token("rsa:2048", "01")
    ec, ec_public = token("EC:prime256v1", "02")
    path = pack.full(pair[1], f"--key={rsa}", f"--key={ec}", env={"SWB_PIN": PIN})
    pack.check(path, None, pair[1])
    shown = pack.ok("verify", path, f"--public-key={rsa_public}", f"--public-key={ec_public}",
                    "--required-signatures=2").stdout
    ids = json.loads((pack.folder / "full.pl.json").read_text())["signing_keys"]
    assert len(ids) == 2 and f"keys {ids[0]}, {ids[1]}\n" in shown
    again = pack.full(pair[1], f"--key={rsa}", output="a.pl", env={"SWB_PIN": PIN}).read_bytes()
    assert pack.full(pair[1], f"--key={rsa}", output="b.pl",
                     env={"SWB_PIN": PIN}).read_bytes() == again


def test_where_the_pin_comes_from(pack, pair, token):
    uri, public = token("EC:prime256v1", "01")
    (pack.folder / "pin").write_text(PIN + "\nsecond line\n")
    pack.full(pair[1], f"--key={uri}&pin-source=pin")
    pack.full(pair[1], f"--key={uri}&pin-source=file:{pack.folder}/pin", output="b")
    pack.ok("verify", "b", f"--public-key={public}")
    reader, writer = os.pipe()
    os.write(writer, PIN.encode())
    os.close(writer)
    pack.full(pair[1], f"--key={uri}&pin-source=file:/dev/fd/{reader}", output="c",
              pass_fds=[reader])
    os.close(reader)

    def fails(key, status=1, env=None):
        message = pack.fails("full", pair[1], "--output=no.pl", "--app-id=a", "--target-version=2",
                             f"--key={key}", status=status, env=env or {})
        assert not (pack.folder / "no.pl").exists()
        assert PIN not in message
        return message

    assert "wants a PIN" in fails(uri)
    assert "PIN is incorrect" in fails(uri, env={"SWB_PIN": "0000"})
    assert "1 to 256 bytes" in fails(uri, env={"SWB_PIN": ""})
    assert "every process" in fails(f"{uri}&pin-value={PIN}", 2)
    assert "only files" in fails(f"{uri}&pin-source=|cat%20pin", 2)
    assert "no-such" in fails(f"{uri}&pin-source=no-such")


def test_what_does_not_match(pack, pair, token):
    uri, _ = token("rsa:2048", "01")
    token("EC:prime256v1", "02")
    small, _ = token("rsa:1024", "03")
    curve, _ = token("EC:secp384r1", "04")
    run("pkcs11-tool", "--module", MODULE, "--token-label", "test", "--login", "--pin", PIN,
        "--delete-object", "--type", "pubkey", "--id", "02")

    def fails(key, status=1):
        return pack.fails("full", pair[1], "--output=no.pl", "--app-id=a", "--target-version=2",
                          f"--key={key}", status=status, env={"SWB_PIN": PIN})

    assert "no such token" in fails(uri.replace("token=test", "token=other"))
    assert "no such private key" in fails(uri.replace("key-01", "other"))
    assert "several private keys" in fails(uri.replace(";object=key-01", ""))
    assert "given twice" in pack.fails("full", pair[1], "--output=no.pl", "--app-id=a",
                                       "--target-version=2", f"--key={uri}", f"--key={uri}",
                                       env={"SWB_PIN": PIN})
    assert "couldn't load" in fails(uri.replace("libsofthsm2", "nothing"))
    assert "does not tell the public key" in fails(uri.replace("key-01", "key-02"))
    assert "1024 bits" in fails(small)
    assert "another curve" in fails(curve)
    assert "syntax" in fails("pkcs11:nothing", 2)
    assert "not a type=private" in fails(uri.replace("?", ";type=public?"), 2)


# ---- several signers ----

@pytest.fixture
def three(pack):
    """Three key pairs, and a folder with the public ones."""
    (pack.folder / "keys").mkdir()
    made = {}
    for name, kind in (("a", "p256"), ("b", "rsa2048"), ("c", "p256")):
        private, public = pack.folder / f"{name}.pem", pack.folder / "keys" / f"{name}.pem"
        pack.ok("keygen", f"--type={kind}", private, public)
        made[name] = private
    return made


def install(folder, payload, n, keys="keys", source=None):
    """swb-install on a slot that is a file. Return: its complaint, "" when it installed."""
    target = folder / "slot"
    target.write_bytes(b"")
    os.truncate(target, 16 << 20)
    command = [INSTALL, f"--slot=root={target}", f"--keys={keys}", f"--input={payload}",
               *([f"--source=root={source}"] if source else []),
               "--foreground", *(["--memory-limit=0"] if is_sanitized() else []),
               *([f"--required-signatures={n}"] if n else [])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120,
                          check=False)
    assert (done.returncode == 0) != bool(done.stderr), done
    return done.stderr


@pytest.mark.parametrize("signers,n_good", [("a", 1), ("ab", 2), ("cb", 2), ("abc", 3)])
def test_so_many_must_sign(pack, pair, three, signers, n_good):
    path = pack.full(pair[1], *[f"--key={three[name]}" for name in signers])
    for n in range(1, 4):
        option = f"--required-signatures={n}"
        if n <= n_good:
            pack.ok("verify", path, "--public-key=keys", option)
            pack.ok("apply", path, "made", "--public-key=keys", option)
            assert install(pack.folder, path, n) == ""
        else:
            wanted = f"signatures of {n_good} of the"
            assert wanted in pack.fails("verify", path, "--public-key=keys", option)
            assert wanted in pack.fails("apply", path, "made", "--public-key=keys", option)
            assert wanted in install(pack.folder, path, n)


def test_one_key_counts_once(pack, pair, three):
    """Neither its second signature nor its second file is a second signer."""
    path = pack.full(pair[1], "--hash-only", "--signature-size=72", "--signature-size=72")
    pairs = []
    for attempt in "12":
        for part in ("metadata", "payload"):
            run("openssl", "pkeyutl", "-sign", "-inkey", three["a"], "-pkeyopt", "digest:sha256",
                "-in", f"{path}.{part}.sha256", "-out", pack.folder / f"{part}.{attempt}")
        pairs.append(f"--add-signature=metadata.{attempt}:payload.{attempt}")
    pack.ok("sign", path, *pairs, "--public-key=keys/a.pem")
    run("openssl", "ec", "-in", three["a"], "-pubout", "-conv_form", "compressed", "-out",
        pack.folder / "keys" / "a-compressed.pem")
    assert (pack.folder / "keys" / "a-compressed.pem").read_bytes() != (
        pack.folder / "keys" / "a.pem").read_bytes()
    assert install(pack.folder, path, 1) == ""
    assert "signatures of 1 of the 3 trusted keys" in install(pack.folder, path, 2)
    assert "signatures of 1 of" in pack.fails("verify", path, "--public-key=keys",
                                              "--required-signatures=2")


def test_metadata_and_payload_are_held_to_it(pack, pair, three):
    """A payload whose payload signatures are fewer good ones than its metadata's."""
    path = pack.full(pair[1], f"--key={three['a']}", f"--key={three['c']}")
    data = bytearray(path.read_bytes())
    data[-40] ^= 1  # within the last signature
    path.write_bytes(data)
    assert install(pack.folder, path, 1) == ""
    message = install(pack.folder, path, 2)
    assert "the payload has good signatures of 1" in message
    assert "the payload has good" in pack.fails("verify", path, "--public-key=keys",
                                                "--required-signatures=2")


def test_numbers_that_can_not_be(pack, pair, three):
    path = pack.full(pair[1], f"--key={three['a']}")
    assert "there are 3 keys" in install(pack.folder, path, 4)
    assert "there are 3 keys" in pack.fails("verify", path, "--public-key=keys",
                                            "--required-signatures=4")
    assert "of 0 keys" in pack.fails("verify", path, "--public-key=keys",
                                     "--required-signatures=0")
    assert "goes with --public-key" in pack.fails("apply", path, "made",
                                                  "--required-signatures=2", status=2)
