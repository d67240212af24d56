# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on the way: each is said by its name on the bus and to the server, the running
system stays what boots, and the next good release is installed."""

import os
import time

import pytest

from chain_images import sha256

MIB = 1 << 20


def take_next(chain):
    """The next good release is installed, whatever happened before."""
    device = chain.device
    chain.publish("3.0")
    device.see_through("3.0")
    chain.assert_slots(**{device.get("CurrentSlot"): "3.0"})
    assert chain.server.wait_state(device.id, "up-to-date")["version"] == "3.0"


def recover(chain):
    """The device still boots 1.0, which nobody touched."""
    device = chain.device
    device.plug_out()
    chain.assert_slots(A="1.0")
    assert device.boot() == "A"
    device.start()
    take_next(chain)


def damage(path, at):
    """One byte, behind everybody's back."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


# Where, as a part of the payload; what is said of it.
DAMAGES = {"magic": (0, "format"), "manifest": (60, "signature"), "data": (0.4, "hash"),
           "end": (-20, "signature")}


@pytest.mark.parametrize("where", DAMAGES)
def test_damaged_on_the_way(chain, where):
    at, fault = DAMAGES[where]
    size = chain.releases.delta("1.0", "2.0").stat().st_size
    chain.proxy.flip = int(at * size) if isinstance(at, float) else at % size
    chain.publish("2.0", full=False)
    chain.device.start()
    chain.wait_failure(fault)
    chain.proxy.reset()
    recover(chain)


def test_damaged_at_the_server(chain):
    """A full payload whose file rots on the server's medium."""
    payload = chain.releases.full("2.0")
    chain.publish("2.0", delta=False)
    damage(chain.server.payload_file(sha256(payload)), payload.stat().st_size // 2)
    chain.device.start()
    chain.wait_failure("hash", 10)
    recover(chain)


def test_cut_at_the_server(chain):
    """A payload that is shorter than it was announced is not even begun."""
    payload = chain.releases.full("2.0")
    chain.publish("2.0", delta=False)
    os.truncate(chain.server.payload_file(sha256(payload)), payload.stat().st_size // 2)
    chain.device.start()
    chain.wait_failure("protocol")
    recover(chain)


def test_damaged_delta_gives_way_to_the_full_payload(chain):
    """Not the first time, as it may be the network; after some attempts the delta is to blame."""
    device = chain.device
    delta = chain.releases.delta("1.0", "2.0")
    chain.publish("2.0")
    damage(chain.server.payload_file(sha256(delta)), delta.stat().st_size // 2)
    device.start()
    chain.wait_failure("hash", 10)
    device.see_through("2.0")
    chain.assert_slots(A="1.0", B="2.0")
    assert chain.proxy.n_bytes > chain.releases.full("2.0").stat().st_size
    take_next(chain)


def test_foreign_key(chain, tmp_path):
    """Well made and signed, but not by anybody whom this device trusts."""
    releases = chain.releases
    releases.keygen(tmp_path / "private", tmp_path / "public")
    image = tmp_path / "image"
    image.write_bytes(releases.image("2.0").read_bytes()[:MIB])
    releases.make_full(tmp_path / "full-2.0", image, "2.0", tmp_path / "private")
    chain.server.publish_files(tmp_path / "full-2.0")
    chain.device.start()
    chain.wait_failure("signature", 12)
    recover(chain)


def test_connection_breaks(chain):
    """Always at the same byte: what came is kept, and the rest is asked for once it comes."""
    device, proxy = chain.device, chain.proxy
    size = chain.releases.full("2.0").stat().st_size
    proxy.cut_at = size // 2
    chain.publish("2.0", delta=False)
    device.start()
    chain.wait_failure("network", 9)
    assert device.power_cycle() == "A"
    proxy.cut_at = None
    device.see_through("2.0")
    chain.assert_slots(A="1.0", B="2.0")
    assert proxy.n_bytes <= size + 8 * MIB
    assert max(proxy.requests) > size // 3
    take_next(chain)


def test_slot_is_too_small(chain):
    device = chain.device
    with device.slot("B").open("r+b") as slot:
        slot.truncate(20 * MIB)
    chain.publish("2.0", delta=False)
    device.start()
    chain.wait_failure("no-space", 60)
    with device.slot("B").open("r+b") as slot:
        slot.truncate(28 * MIB)
    recover(chain)


def test_medium_is_full(chain):
    """The slot is a file with holes, and there is no room for what it should hold."""
    device = chain.device
    device.set_workers(install_prefix=f"ulimit -f {8 * MIB // 512}")
    chain.publish("2.0", delta=False)
    device.start()
    chain.wait_failure("no-space", 60)
    device.set_workers()
    recover(chain)


def test_other_source_than_the_delta_needs(chain):
    """Somebody changed the running slot: no delta will ever apply, so the full payload is taken."""
    device = chain.device
    with device.slot("A").open("r+b") as slot:
        for at in range(MIB, 27 * MIB, MIB // 2):
            slot.seek(at)
            slot.write(b"changed by hand")
    before = device.slot_sha("A")
    chain.publish("2.0")
    device.start()
    device.wait(lambda: device.get("LastError") == "source", "LastError source")
    device.see_through("2.0", hurry=False)
    event = chain.server.wait_event(device.id, 3, 0, "source")
    assert event["errorcode"] == 20
    assert device.slot_sha("A") == before
    chain.assert_slots(B="2.0")
    assert chain.proxy.requests[-2:] == [0, 128], "from the start: its head, then the rest"
    take_next(chain)
    assert chain.proxy.n_bytes < chain.releases.full("2.0").stat().st_size + 6 * MIB, "no delta again"


def test_server_is_gone(chain):
    """Nobody listens, during checks and during downloads; the device goes on by itself."""
    device, proxy = chain.device, chain.proxy
    chain.publish("2.0")
    proxy.refuse()
    device.start()
    device.wait(lambda: device.get("LastError") == "network", "LastError network")
    assert device.power_cycle() == "A"
    proxy.rate = MIB
    proxy.start()
    device.wait_state("downloading")
    device.wait(lambda: proxy.n_bytes > MIB // 2, "some bytes")
    proxy.refuse()
    device.wait(lambda: device.get("LastError") == "network", "LastError network", 60)
    proxy.rate = 0
    proxy.start()
    device.see_through("2.0", hurry=False)
    chain.assert_slots(A="1.0", B="2.0")
    chain.server.wait_event(device.id, 3, 0, "network")
    take_next(chain)


def test_server_is_busy(chain):
    """503 with Retry-After is obeyed: for checks, and for payloads."""
    device, proxy = chain.device, chain.proxy
    device.set_workers(get_options="--retry-wait=1s --retries=0")
    chain.publish("2.0")
    proxy.busy, proxy.busy_for = (503, 4), "/update"
    device.start()
    device.wait(lambda: device.get("LastError") == "http", "LastError http")
    checked = device.get("LastCheck")
    assert device.get("NextCheck") - checked >= 4_000_000
    proxy.busy, proxy.busy_for = (503, 3), "/payloads"
    device.wait_state("downloading")
    assert device.get("LastCheck") - checked >= 4_000_000
    device.wait(lambda: device.get("LastError") == "http", "LastError http")
    chain.server.wait_event(device.id, 3, 0, "http")
    proxy.reset()
    device.see_through("2.0", hurry=False)
    assert proxy.answered_at[0] - proxy.refused_at >= 2.9
    chain.assert_slots(A="1.0", B="2.0")
    take_next(chain)
