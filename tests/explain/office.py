"""An office to ask about: files, the view of them, and where things stand in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from voipbin_sip.explain.explaining import explain
from voipbin_sip.explain.explanation import Decision, Explanation
from voipbin_sip.explain.offline import view_of_files
from voipbin_sip.explain.question import read_question
from voipbin_sip.explain.view import View
from voipbin_sip.loading import load

OURS, DESK, CARRIERS = "+493012345678", "+493012345600", "203.0.113.9"
CONFIG = """
domain: voipbin.test
data_dir: data
flows: flows
directory: directory.yaml
sip:
  listen: ["udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"]
outbound:
  allow:
    - "+49"
    - "+4930"
    - "+33"
    - sip.partner.example
    - "192.0.2.80:5080"
  countries: [DE]
  default_outgoing_source_number: "+493012345678"
  limits: {concurrent: 2}
"""
DIRECTORY = """
numbers:
  - {number: "+493012345678", flow: reception, public: true}
  - {number: "+493012345600", flow: connecting}
  - {number: "200", flow: reception}
  - {number: "300", flow: ""}
  - {number: "400", flow: clock}
extensions:
  - {extension: "1000", name: Front}
  - {extension: "1001", limits: {minutes_per_day: 0.5}}
conferences:
  - {id: weekly}
trunks:
  - {domain_name: office, auth_types: [basic, ip], allowed_ips: [192.0.2.0/24], username: pbx, password: hammer}
  - {domain_name: plant, auth_types: [ip], allowed_ips: [192.0.2.7, 198.51.100.7]}
providers:
  - id: carrier
    hostname: sip.carrier.example
    username: customer
    password: secret
    allowed_ips: [203.0.113.0/24]
    rewrite_in: [{prefix: "0", by: "+49"}]
    rewrite_out: [{prefix: "+", by: "00"}]
    tech_headers: {X-Account: "42"}
    codecs: PCMA
    caller_id: {asserted: always}
  - {id: backup, hostname: "192.0.2.99:5070", transport: tcp, codecs: G722}
routes:
  - {provider_id: backup, priority: 2}
  - {provider_id: carrier, priority: 1, target: "+49"}
  - {provider_id: carrier, priority: 9, target: "+4930"}
"""
RECEPTION = """
name: reception
actions:
  - type: answer
  - {type: talk, option: {text: "Welcome to the office."}}
  - {id: menu, type: digits_receive, option: {duration: 5000}}
  - {type: hangup}
"""
CONNECTING = """
name: connecting
actions:
  - type: connect
    option: {anonymous: "yes", destinations: [{type: extension, target: "1000"}, {type: tel, target: "+494098765432"}]}
"""
CLOCK = """
name: clock
actions:
  - {type: answer}
  - {type: talk, option: {text: "You are ${voipbin.call.source.target}."}}
  - {type: hangup}
"""
FLOWS = {"reception": RECEPTION, "connecting": CONNECTING, "clock": CLOCK}


@dataclass(frozen=True)
class Office:
    """The files in a folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "voipbin.yaml"

    def view(self) -> View:
        loaded, findings = load(self.config)
        assert loaded is not None, findings
        return view_of_files(loaded)

    def ask(
        self, to: str, caller: str = "", source: str = "", transport: str = "udp", *, view: View | None = None
    ) -> Explanation:
        question = read_question(to, caller, source, transport)
        return asyncio.run(explain(view or self.view(), question))

    def line(self, file: str, text: str) -> str:
        """Return where a text stands first, as explanations write it."""
        lines = (next(self.folder.rglob(file))).read_text().splitlines()
        (number, *_) = [number for number, line in enumerate(lines, 1) if text in line]
        return f"{file}:{number}"


def write_office(folder: Path, *, config: str = CONFIG, directory: str = DIRECTORY) -> Office:
    (folder / "flows").mkdir(parents=True, exist_ok=True)
    (folder / "voipbin.yaml").write_text(config)
    (folder / "directory.yaml").write_text(directory)
    for name, text in FLOWS.items():
        (folder / "flows" / f"{name}.yaml").write_text(text)
    return Office(folder)


def topic(told: Explanation, name: str) -> Decision:
    """Return the first decision about something."""
    return next(decision for decision in told.decisions if decision.topic == name)
