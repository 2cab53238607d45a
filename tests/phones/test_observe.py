"""What operators see of real calls: metrics, health, and why a call ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.phones.client import Client, client
from tests.phones.installed import needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import serving

pytestmark = pytest.mark.phones

ECHO = """
name: echo
actions:
  - type: answer
  - {type: echo, option: {duration: 60000}}
"""
TO = """
name: to
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1000"}]}
  - type: hangup
"""


async def _metrics(base: str) -> dict[str, float]:
    async with aiohttp.ClientSession() as http, http.get(f"{base}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        sample.name + "".join(f"[{value}]" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _ended_call(api: Client) -> dict[str, Any]:
    """Return the newest call, once all of it is written."""
    async with asyncio.timeout(10.0):
        while True:
            (call, *_) = (await api("GET", "/calls"))["result"]
            if call["status"] == "hangup" and (call["quality"] or not call["tm_progressing"]):
                return dict(call)
            await asyncio.sleep(0.1)


@needs_pjsua
async def test_a_call_is_seen_while_it_goes_on_and_explained_afterwards(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO}) as server:
        async with client(server) as api, pjsua(tmp_path) as phone, asyncio.timeout(60.0):
            await phone.call("100", server.address)
            await asyncio.sleep(1.5)
            found = await _metrics(server.api)
            assert found["voipbin_calls[incoming][progressing]"] == 1
            assert found["voipbin_sip_total[received][INVITE]"] == 1
            assert found["voipbin_media_worker_legs[0]"] == 1
            async with aiohttp.ClientSession() as http, http.get(f"{server.api}/ready") as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "ok", "faults": {}})
            await phone.hang_up()
            await phone.over()
            call = await _ended_call(api)
            assert call["end_reason"] == "the caller hung up"
            assert call["quality"]["codec"] == "PCMU"
            assert call["quality"]["heard_mos"] > 4
            found = await _metrics(server.api)
            assert found["voipbin_calls_ended_total[remote][incoming][normal][200]"] == 1
            assert found["voipbin_call_mos_count[heard]"] == 1
            assert "call detail" in server.log.read_text()
            assert "why='the caller hung up'" in server.log.read_text()


async def test_why_nobody_was_reached(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO, "to": TO}, extensions={"1000": "secret"}) as server:
        async with client(server) as api, pjsua(tmp_path) as phone, asyncio.timeout(60.0):
            await phone.dial("200", server.address)
            await phone.closed()
            call = await _ended_call(api)
            assert call["end_reason"].startswith("this server"), call["end_reason"]


@needs_pjsua
async def test_the_sip_of_a_call_can_be_read_and_captured(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO}) as server:
        async with client(server) as api, pjsua(tmp_path) as phone, asyncio.timeout(60.0):
            await phone.call("100", server.address)
            await asyncio.sleep(2)  # of sound, by which the call is judged
            await phone.hang_up()
            await phone.over()
            call = await _ended_call(api)
            found = await api("GET", f"/timelines/calls/{call['id']}/sip-analysis")
            methods = [message["method"] for message in found["sip_messages"]]
            assert [method for method in methods if not method.startswith("1")] == [
                "INVITE", "200", "ACK", "BYE", "200",
            ]  # fmt: skip
            assert found["sip_messages"][0]["dst_port"] == server.port
            assert found["sip_messages"][0]["raw"].startswith("INVITE sip:100@")
            assert found["rtcp_stats"]["mos"] > 4
            address = f"{server.api}/v1.0/timelines/calls/{call['id']}/pcap"
            key = {"accesskey": server.accesskey}
            async with aiohttp.ClientSession() as http, http.get(address, params=key) as answer:
                assert answer.status == 200
                capture = await answer.read()
            assert capture.startswith(b"\xd4\xc3\xb2\xa1")
            assert capture.count(b"INVITE sip:100@") == 1
