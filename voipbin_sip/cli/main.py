"""The voipbin-sip command: serve, check, flow, calls, extensions, accesskey."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from voipbin_sip import __version__
from voipbin_sip.cli.flow import flow_app

app = typer.Typer(
    name="voipbin-sip",
    help="A self-hosted programmable phone system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(flow_app, name="flow")
key_app = typer.Typer(help="Keys with which programs use the HTTP API.", no_args_is_help=True)
app.add_typer(key_app, name="accesskey")

YEAR = 31_536_000  # seconds
TEN_YEARS = 10 * YEAR
DEFAULT_CONFIG = Path("config/voipbin.yaml")
ApiOption = Annotated[str, typer.Option("--api", help="The URL of a server elsewhere.")]
AccesskeyOption = Annotated[
    str, typer.Option("--accesskey", envvar="VOIPBIN_ACCESSKEY", help="An access key of that server.")
]
ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration file.")]


@app.command()
def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C."""
    gc.disable()  # while all is loaded, a sixth of the time would go into looking for garbage that is none
    from voipbin_sip.cli.serve import run  # here, so that `check` need not load the server

    raise typer.Exit(run(config))


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files or folders.")] = None,
    form: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="For people, for programs, or annotations of GitHub."),
    ] = "text",
) -> None:
    """Find every mistake in configurations, directories and flows before a caller meets it."""
    from voipbin_sip.check import check_paths
    from voipbin_sip.check_report import report

    findings, errors = check_paths(files or [DEFAULT_CONFIG])
    for line in report(findings, form):
        typer.echo(line)
    if errors:
        typer.echo("with errors a server does not start, and a running one keeps what it has", err=True)
        raise typer.Exit(1)
    typer.echo("no errors" if findings else "no mistakes found", err=True)


@app.command()
def explain(
    to: Annotated[str, typer.Option("--to", help="A number, an extension, or a SIP address.")],
    caller: Annotated[
        str, typer.Option("--from", help="An extension, a number, a SIP address, or anonymous.")
    ] = "",
    source: Annotated[str, typer.Option("--source", help="The address that it comes from, IP[:PORT].")] = "",
    transport: Annotated[str, typer.Option(help="udp, tcp or tls.")] = "udp",
    config: ConfigOption = DEFAULT_CONFIG,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="For people or for programs.")
    ] = "text",
    resolve: Annotated[bool, typer.Option("--resolve", help="Ask DNS where hosts are.")] = False,
) -> None:
    """Say what would happen to a call, and by which rule. Nothing is sent."""
    from voipbin_sip.cli.explain import explain_call
    from voipbin_sip.explain.question import BadQuestion, read_question

    try:
        question = read_question(to, caller, source, transport, resolve=resolve)
    except BadQuestion as error:
        typer.echo(f"voipbin-sip: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(explain_call(question, config, form))


@app.command()
def reload(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Have the running server read flows, directory and certificates again, and say what it finds."""
    from voipbin_sip.cli.reload import reload_server

    raise typer.Exit(reload_server(config))


@app.command()
def calls(
    config: ConfigOption = DEFAULT_CONFIG,
    api: ApiOption = "",
    accesskey: AccesskeyOption = "",
    plain: Annotated[bool, typer.Option("--plain", help="Print the table once; so do pipes.")] = False,
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="json: print the calls once, for programs.")
    ] = "table",
) -> None:
    """Watch the calls in a live table: flows, steps, quality; look into one, hang up."""
    from voipbin_sip.cli.calls import server_finder, show, show_json, watch

    find = server_finder(config, api, accesskey)
    if form == "json":
        raise typer.Exit(show_json(find))
    if plain or not sys.stdout.isatty():
        raise typer.Exit(show(find))
    raise typer.Exit(watch(find))


@app.command()
def call(
    name: Annotated[str, typer.Argument(help="Its id or the beginning of it, its SIP Call-ID, or `last`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="For people or programs.")
    ] = "text",
    sip: Annotated[bool, typer.Option("--sip", help="Print the SIP messages in full.")] = False,
    digits: Annotated[bool, typer.Option("--digits", help="Show what was typed; it may be a PIN.")] = False,
    pcap: Annotated[
        Path | None, typer.Option("--pcap", help="Write the SIP messages to this file, for Wireshark.")
    ] = None,
    api: ApiOption = "",
    accesskey: AccesskeyOption = "",
) -> None:
    """Say what became of a call and why: its end in words, steps, variables, sound, SIP."""
    from voipbin_sip.cli.call import Wishes, show_call

    wishes = Wishes(form=form, sip=sip, digits=digits, pcap=pcap)
    raise typer.Exit(show_call(config, name, wishes, api=api, accesskey=accesskey))


@app.command()
def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="For people or for programs.")
    ] = "text",
) -> None:
    """Look at the machine, the configuration and the running server, and say what to do about what is wrong."""
    from voipbin_sip.cli.doctor import examine_all

    raise typer.Exit(examine_all(config, form))


@app.command()
def extensions(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show the phones of the directory and their passwords; makes missing ones."""
    from voipbin_sip.cli.serve import show_extensions

    raise typer.Exit(show_extensions(config))


@key_app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    config: ConfigOption = DEFAULT_CONFIG,
    expire: Annotated[int, typer.Option(min=1, max=TEN_YEARS, help="Seconds until it expires.")] = YEAR,
) -> None:
    """Make an access key and print its token, which is shown this once only."""
    from voipbin_sip.cli.accesskeys import create

    raise typer.Exit(create(config, name, expire))


@key_app.command("list")
def list_keys(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show the access keys, without their tokens."""
    from voipbin_sip.cli.accesskeys import show

    raise typer.Exit(show(config))


@key_app.command("delete")
def delete_key(
    name: Annotated[str, typer.Argument(help="Its id, its name or the beginning of its token.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Delete an access key: who uses it is refused from then on."""
    from voipbin_sip.cli.accesskeys import delete

    raise typer.Exit(delete(config, name))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


if __name__ == "__main__":
    app()
