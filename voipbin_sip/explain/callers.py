"""Who a caller is, and by which rule: what the gate's verdict means, in words."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from flows.findings import did_you_mean
from voipbin_sip.calls.verdict import Admitted, Ground, Rule, Turned
from voipbin_sip.domain import serves, trunk_label
from voipbin_sip.explain.explanation import Story
from voipbin_sip.explain.question import ANONYMOUS, Question
from voipbin_sip.explain.view import View
from voipbin_sip.sip.uri import Uri


def users(view: View, question: Question) -> tuple[str, ...]:
    """Return as whom the caller of a question can prove itself, if it knows the password."""
    caller, dialled = question.from_uri(view.domain), question.request_uri(view.domain)
    trunk = view.directory.trunks.get(trunk_label(view.domain, dialled) or "")
    names = [trunk.username] if trunk is not None and "basic" in trunk.auth_types else []
    if (caller.user or "") in view.directory.extensions and serves(view.domain, caller):
        names.append(caller.user or "")
    return tuple(names)


def tell_caller(view: View, question: Question, verdict: Admitted | Turned, story: Story) -> None:
    """Add who the caller is, by the rule of the verdict."""
    rule = verdict.rule
    assert rule is not None, "the gate names its rule"
    tell = {
        Ground.TRUNK_ADDRESS: _trunk_by_address,
        Ground.TRUNK_PASSWORD: _trunk_by_password,
        Ground.PROVIDER: _provider,
        Ground.EXTENSION: _extension,
        Ground.PUBLIC: _anybody,
        Ground.DIRECT: _anybody,
        Ground.NOBODY: _nobody,
        Ground.DOMAIN: _elsewhere,
    }
    tell[rule.ground](view, question, rule, story)


def _trunk_by_address(view: View, question: Question, rule: Rule, story: Story) -> None:
    trunk = view.directory.trunks[rule.name]
    network = network_of(question.source, trunk.allowed_ips)
    story.tell(
        "caller",
        f"The caller is the trunk {rule.name}: {question.source} is in its allowed_ips ({network}). It is asked for no "
        "password.",
        view.places.entry("trunk", rule.name),
    )


def _trunk_by_password(view: View, question: Question, rule: Rule, story: Story) -> None:
    label = trunk_label(view.domain, question.request_uri(view.domain)) or ""
    trunk = view.directory.trunks.get(label)
    if rule.name and trunk is not None:
        story.tell(
            "caller",
            f"The caller is the trunk {label} once it has given the password of its user {trunk.username} (it is "
            "asked for by 407); what follows is for that case.",
            view.places.entry("trunk", label),
        )
    elif trunk is not None:
        where = (
            f"{question.source} is none of its allowed_ips" if question.source else "the source is not named"
        )
        story.tell(
            "caller",
            f"The caller is not the trunk {label}: that is known by its address only (auth_types has no basic), and "
            f"{where}. It is asked for a password that nobody has (407).",
            view.places.entry("trunk", label),
        )
    else:
        story.tell(
            "caller",
            f"There is no trunk {label}{did_you_mean(label, view.directory.trunks)} The caller is asked for a password "
            "that nobody has (407), as if there were one.",
        )


def _provider(view: View, question: Question, rule: Rule, story: Story) -> None:
    provider = view.directory.providers[rule.name]
    network = network_of(question.source, provider.allowed_ips)
    reason = (
        f"is in its allowed_ips ({network})"
        if network
        else "is where our registration with it was answered, or its server"
    )
    story.tell(
        "caller",
        f"The caller is the provider {rule.name}: {question.source} {reason}. It is asked for no password, and reaches "
        "numbers of ours that have a flow, nothing else.",
        view.places.entry("provider", rule.name),
    )


def _extension(view: View, question: Question, rule: Rule, story: Story) -> None:
    if rule.name:
        story.tell(
            "caller",
            f"The caller is extension {rule.name} once its phone has given the password (it is asked for by 407); what "
            "follows is for that case.",
            view.places.entry("extension", rule.name),
        )
        return
    story.tell("caller", f"{_stranger(view, question)} It is asked for the password of an extension (407).")


def _anybody(view: View, question: Question, rule: Rule, story: Story) -> None:
    if rule.ground is Ground.DIRECT:
        story.tell("caller", "The caller knows a direct hash, and needs no password.")
        return
    number = rule.number.number if rule.number is not None else ""
    story.tell(
        "caller",
        f"The caller need not be known: {number} has public: true, so that anybody may call it.",
        view.places.entry("number", number),
    )


def _nobody(view: View, question: Question, rule: Rule, story: Story) -> None:
    story.tell(
        "caller",
        f"{_stranger(view, question)} There are no extensions, so that there is no password to ask for.",
    )


def _elsewhere(view: View, question: Question, rule: Rule, story: Story) -> None:
    uri = question.request_uri(view.domain)
    inside = Uri("sip", user=f"sip:{uri.user or ''}@{uri.host}", host=view.config.domain)
    story.tell(
        "caller",
        f"Nobody is asked who calls: {uri.host} is not this server, whose domain is {view.config.domain}. Flows, "
        f"transfers and the API call other servers, and so does a phone that dials {inside}.",
        view.settings.key("domain"),
    )


def _stranger(view: View, question: Question) -> str:
    caller = question.from_uri(view.domain)
    where = (
        f"{question.source} is no trunk's and no provider's address"
        if question.source
        else "no address is named"
    )
    claim, names = "", view.directory.extensions
    says_extension = caller.user and not caller.user.startswith("+") and caller.user not in names
    if says_extension and question.caller != ANONYMOUS and serves(view.domain, caller):
        claim = f" There is no extension {caller.user}{did_you_mean(caller.user or '', names) or '.'}"
    return f"The caller is nobody that we know: {where}.{claim}"


def network_of(source: str, networks: Sequence[str]) -> str:
    """Return the longest of some networks that an address lies in, "" for none."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    fitting = [text for text in networks if address in ipaddress.ip_network(text, strict=False)]
    return max(fitting, key=lambda text: ipaddress.ip_network(text, strict=False).prefixlen, default="")
