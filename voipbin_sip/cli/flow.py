"""`voipbin-sip flow`: simulate, test, graph, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

flow_app = typer.Typer(help="Work with flow files.", no_args_is_help=True)

SCENARIOS = Path("config/scenarios")
FlowFile = Annotated[Path, typer.Argument(help="A flow file.")]


@flow_app.command()
def simulate(
    file: FlowFile,
    source: Annotated[
        str, typer.Option("--from", help="Who calls: number, extension or user@domain.")
    ] = "+15550199",
    dialled: Annotated[str, typer.Option("--to", help="What was dialled.")] = "100",
    begins: Annotated[str, typer.Option("--at", help='When: "2026-01-05 10:00"; empty: now.')] = "",
    timezone: Annotated[str, typer.Option(help="Time zone of --at, as Europe/Berlin; empty: UTC.")] = "",
    variables: Annotated[
        list[str] | None, typer.Option("--set", help="A variable to begin with: name=value.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Do not ask who answers and what servers say.")
    ] = False,
    pause: Annotated[
        bool, typer.Option("--pause", help="Stop also in prompts that no digit can cut.")
    ] = False,
    no_call: Annotated[
        bool, typer.Option("--no-call", help="A run without a call, as one that the API starts.")
    ] = False,
) -> None:
    """Walk through a flow in this terminal, without phone and server: type digits, see each step."""
    from voipbin_sip.cli.flow_simulate import Setting, run

    setting = Setting(
        source=source,
        dialled=dialled,
        begins=begins,
        timezone=timezone,
        variables=variables or [],
        defaults=defaults,
        pause=pause,
        call=not no_call,
    )
    raise typer.Exit(run(file, setting))


@flow_app.command()
def test(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files, or folders of them; none: config/scenarios.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report to this file.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what happened in every scenario.")
    ] = False,
) -> None:
    """Play scenarios against flows, days in milliseconds, and say what does not hold."""
    from voipbin_sip.cli.flow_tests import run

    raise typer.Exit(run(paths or [SCENARIOS], junit, verbose=verbose))


@flow_app.command()
def graph(
    file: FlowFile,
    form: Annotated[
        Literal["mermaid", "svg"], typer.Option("--format", help="Text for Mermaid, or a picture.")
    ] = "mermaid",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write to.")] = None,
) -> None:
    """Draw a flow; dead ends, endless loops and steps that are never reached are marked."""
    from voipbin_sip.cli.flow_graph import run

    raise typer.Exit(run(file, form, output))


@flow_app.command()
def schema(
    of: Annotated[
        Literal["flow", "scenarios", "directory", "config"], typer.Option(help="Which files it is for.")
    ] = "flow",
) -> None:
    """Print the JSON Schema of flow files (or others), for editors."""
    from voipbin_sip.schemas import schema_text

    typer.echo(schema_text(of), nl=False)
