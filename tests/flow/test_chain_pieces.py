# SPDX-License-Identifier: Apache-2.0
"""Full payloads of pieces through the whole chain: the device gets what it lacks, and little else."""

import pytest

from flow_bus import DBusError


@pytest.fixture(scope="module")
def adaptive(releases, tmp_path_factory):
    payload = tmp_path_factory.mktemp("adaptive") / "2.0"
    releases.pack("full", f"--output={payload}", "--app-id=test.switchback", "--target-version=2.0",
                  f"--key={releases.key}", "--adaptive", "--progress=none", releases.image("2.0"))
    return payload


def test_only_what_it_lacks(chain, adaptive):
    """Cut on the way, it goes on where it was; then the version before is put back from what stands in
    the other slot."""
    device, server, proxy = chain.device, chain.server, chain.proxy
    size = adaptive.stat().st_size
    server.publish_files(adaptive)
    device.start()
    assert device.reboot() == "B"
    device.wait_state("idle")
    chain.assert_slots(A="1.0", B="2.0")
    assert proxy.n_bytes < size / 2
    assert len(proxy.requests) <= 4  # head, metadata, ranges
    server.wait_state(device.id, "up-to-date")


def test_cut_and_resumed(chain, adaptive):
    device, proxy = chain.device, chain.proxy
    chain.server.publish_files(adaptive)
    proxy.cut_at = 1 << 20  # of every answer: many connections are lost
    device.start()
    device.wait(lambda: len(proxy.requests) > 4, "lost connections")
    proxy.cut_at = None
    assert device.reboot() == "B"
    device.wait_state("idle")
    chain.assert_slots(A="1.0", B="2.0")
    assert proxy.n_bytes < adaptive.stat().st_size


def test_repair(chain, adaptive):
    """What waits in the other slot is damaged: found when asked for, and mended with what is wrong."""
    device, proxy = chain.device, chain.proxy
    with pytest.raises(DBusError, match=".*no installed update waits.*"):
        device.start()
        device.call("Repair")
    device.set("reboot", automatic="no")
    device.stop()
    chain.server.publish_files(adaptive)
    device.start()
    device.wait_state("updated")
    fetched = proxy.n_bytes
    assert device.ctl("repair", "--wait").returncode == 0
    assert proxy.n_bytes - fetched < adaptive.stat().st_size / 50  # at most the list of pieces
    with device.slot("B").open("r+b") as slot:
        slot.seek(5_000_000)
        slot.write(b"damage")
    result = device.ctl("repair", "--wait")
    assert result.returncode == 0, result.stderr
    chain.assert_slots(A="1.0", B="2.0")
    assert "slot B is read back, and repaired" in device.log()
    device.call("Reboot")
    assert device.reboot() == "B"
    device.wait_state("idle")
    chain.assert_slots(A="1.0", B="2.0")
    assert proxy.n_bytes - fetched < adaptive.stat().st_size / 10
