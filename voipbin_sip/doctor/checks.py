"""All checks, in the order in which their findings are shown."""

from __future__ import annotations

from voipbin_sip.doctor.addresses import addresses
from voipbin_sip.doctor.calls import calls
from voipbin_sip.doctor.certificate import certificate
from voipbin_sip.doctor.clock import clock
from voipbin_sip.doctor.configuration import configuration
from voipbin_sip.doctor.database import database
from voipbin_sip.doctor.disk import disk, secrets
from voipbin_sip.doctor.examination import ANY, WHOLE, Check
from voipbin_sip.doctor.exposure import exposure, receivers
from voipbin_sip.doctor.machine import machine
from voipbin_sip.doctor.names import names
from voipbin_sip.doctor.outbound import outbound
from voipbin_sip.doctor.ports import ports
from voipbin_sip.doctor.providers import providers
from voipbin_sip.doctor.server import server
from voipbin_sip.doctor.sound import codecs, sounds
from voipbin_sip.doctor.trunks import trunks
from voipbin_sip.doctor.voices import voices
from voipbin_sip.doctor.wire import wire

CHECKS = (
    Check("configuration", configuration, ANY),
    Check("server", server, ANY, 20.0),
    Check("calls", calls, seconds=10.0),
    Check("ports", ports),
    Check("addresses", addresses),
    Check("wire", wire, seconds=12.0),
    Check("providers", providers, WHOLE, 20.0),
    Check("trunks", trunks, WHOLE),
    Check("outbound", outbound, WHOLE),
    Check("exposure", exposure, WHOLE),
    Check("receivers", receivers, WHOLE, 15.0),
    Check("certificate", certificate),
    Check("DNS", names),
    Check("clock", clock, ANY),
    Check("codecs", codecs, ANY),
    Check("sounds", sounds, WHOLE, 15.0),
    Check("speech", voices, WHOLE, 20.0),
    Check("disk", disk),
    Check("secrets", secrets),
    Check("database", database, seconds=10.0),
    Check("machine", machine),
)
