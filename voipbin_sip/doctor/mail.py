"""The mail server, as far as a mail gets there (RFC 5321): TLS, password, sender. Nothing is sent."""

from __future__ import annotations

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.named_files import BadSecretError

SECONDS = 5.0  # for each answer


async def mail_server(patient: Patient, notes: Notes) -> None:
    """Begin a mail from our address and take it back. The server is known to take connections."""
    import aiosmtplib  # here, since few servers send mail

    smtp = patient.config.smtp
    name, where = f"mail server {smtp.host}:{smtp.port}", patient.key("smtp", "host")
    try:
        password = await apart(lambda: smtp.password(patient.places.base))
    except BadSecretError:
        return  # `check` says so
    client = aiosmtplib.SMTP(
        hostname=smtp.host,
        port=smtp.port,
        username=smtp.username or None,
        password=password or None,
        use_tls=smtp.tls == "implicit",
        start_tls=smtp.tls == "starttls",
        timeout=SECONDS,
    )
    try:
        async with client:
            await client.mail(smtp.from_)
            await client.rset()
    except aiosmtplib.SMTPAuthenticationError as error:
        notes.error(
            f"{name} does not take our password: {error.code} {error.message}",
            "no mail is sent: check smtp.username and smtp.password_file",
            where=patient.key("smtp", "username"),
        )
    except aiosmtplib.SMTPSenderRefused as error:
        notes.error(
            f"{name} refuses mails from {smtp.from_}: {error.code} {error.message}",
            "no mail is sent: change smtp.from, log in by smtp.username, or have this machine allowed there",
            where=patient.key("smtp", "from"),
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        notes.error(
            f"{name} takes no mail: {error or type(error).__name__}",
            "check smtp.host, smtp.port and smtp.tls; mails wait and are tried again for a while",
            where=where,
        )
    else:
        notes.ok(f"{name} takes mails from {smtp.from_}")
