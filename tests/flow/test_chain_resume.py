# SPDX-License-Identifier: Apache-2.0
"""The plug is pulled, and the payload lies elsewhere afterwards: only the rest is asked for."""

from chain_proxy import Proxy

MIB = 1 << 20


def test_payload_has_moved(chain):
    device, proxy, server = chain.device, chain.proxy, chain.server
    size = chain.releases.full("2.0").stat().st_size
    device.set("server", check_interval="1h", max_interval="1h")
    chain.publish("2.0", delta=False)
    proxy.rate = 6 * MIB
    device.start()
    device.wait(lambda: proxy.n_bytes > 10 * MIB, "most of the payload")
    device.plug_out()
    came, n_requests = proxy.n_bytes, len(proxy.requests)
    elsewhere = Proxy().start()
    try:
        server.kill()
        chain.start_server(f"--base-url={elsewhere.url}/payloads/")
        elsewhere.upstream = server.port
        proxy.busy, proxy.busy_for = (404, 0), "/payloads/"
        assert device.boot() == "A"
        device.start()
        device.see_through("2.0", hurry=False)
    finally:
        elsewhere.stop()
    chain.assert_slots(A="1.0", B="2.0")
    assert elsewhere.requests and came - min(elsewhere.requests) <= 8 * MIB
    assert len(proxy.requests) == n_requests
    assert elsewhere.n_bytes == size - elsewhere.requests[0]
