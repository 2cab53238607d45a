"""`email_send`."""

import pytest

from flows import Ended, Mail, Outside
from tests.fakes.outside import FakeMail
from tests.flows.driving import Scene

RECORDING = "5b1f0a52-0000-4000-8000-0000000000bb"


def mailing(options: str) -> str:
    return f"  - {{id: mail, type: email_send, option: {{{options}}}}}\n  - {{type: beep}}"


async def sent_by(options: str, **variables: str) -> tuple[list[Mail], Scene]:
    mail = FakeMail()
    scene = Scene(mailing(options), outside=Outside(mail=mail), variables=variables)
    result = await scene.play()
    assert (result.ended, scene.log[0]) == (Ended.FINISHED, "beep")
    return mail.sent, scene


async def test_a_mail_is_handed_over_with_its_recordings() -> None:
    sent, _ = await sent_by(
        "destinations: [{type: email, target: ops@example.org}, {type: email, target: '${boss}'}], "
        "subject: 'Voicemail of ${who}', content: New message, "
        "attachments: [{reference_type: recording, reference_id: '${voipbin.recording.id}'}]",
        boss="boss@example.org",
        who="Ada",
        **{"voipbin.recording.id": RECORDING},
    )
    to = ("ops@example.org", "boss@example.org")
    assert sent == [Mail(to, "Voicemail of Ada", "New message", (RECORDING,))]


async def test_nothing_recorded_is_nothing_attached() -> None:
    sent, _ = await sent_by(
        "destinations: [{type: email, target: a@b.example}], attachments: [{reference_id: '${none}'}]"
    )
    assert sent == [Mail(("a@b.example",), "", "")]


async def test_a_subject_is_one_line() -> None:
    sent, _ = await sent_by(
        "destinations: [{type: email, target: a@b.example}], subject: '${s}'", s="a\r\nBcc: x@y.example"
    )
    assert sent[0].subject == "a Bcc: x@y.example"


@pytest.mark.parametrize(
    "target", ["nobody", "", "a@b.example, c@d.example", "a@b.example\nBcc: x@y", "a@-b"]
)
async def test_what_is_no_mail_address_fails_the_step(target: str) -> None:
    sent, scene = await sent_by("destinations: [{type: email, target: '${to}'}]", to=target)
    assert (sent, scene.trace.records[0].outcome) == ([], "failed")
    told = "'{}' is no mail address".format(target.replace("\n", ""))
    assert scene.details("mail") == [told if target else "a destination is empty"]


async def test_without_a_mail_server_the_step_says_what_to_do() -> None:
    scene = Scene(mailing("destinations: [{type: email, target: a@b.example}]"))
    await scene.play()
    assert scene.details("mail") == ["no mail server is configured: see 'smtp' in voipbin.yaml"]
