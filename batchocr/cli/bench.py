"""`batchocr bench --simulate`: what a run would take on devices that are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from batchocr.cli.options import emit, emit_json
from batchocr.cli.progress import duration
from batchocr.errors import ConfigError, ExitCode

DEVICES = "1,4,16,64,256,1024"
POSITIVE = click.FloatRange(min=0, min_open=True)

EPILOG = """\b
Examples:
  batchocr bench --simulate              a million pages on 1 to 1,024 devices
  batchocr bench --simulate --from-output out --devices 2,4 --page-s 3.5
  batchocr bench --simulate --failures-per-hour 0.5 --json

How fast batchocr itself is on this machine: `make bench-runner` in a checkout. docs/performance.md explains both.
"""


@click.command("bench", epilog=EPILOG)
@click.option("--simulate", is_flag=True, help="run the scheduler in virtual time; nothing is read or written")
@click.option("--devices", default=DEVICES, metavar="LIST", help=f"numbers of devices  [default: {DEVICES}]")
@click.option("--pages", type=click.IntRange(1), default=1_000_000, metavar="N",
              help="of all documents together  [default: 1000000]")  # fmt: skip
@click.option(
    "--from-output",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="OUT",
    help="documents of the last run to OUT instead of random ones",
)
@click.option("--page-s", type=POSITIVE, default=1.0, metavar="N", help="what a page takes, seconds  [default: 1]")
@click.option("--spread", type=click.FloatRange(0, 0.95), default=0.3, metavar="N",
              help="share by which devices differ from that  [default: 0.3]")  # fmt: skip
@click.option("--startup-s", type=click.FloatRange(0), default=20.0, metavar="N",
              help="what loading takes, seconds  [default: 20]")  # fmt: skip
@click.option("--failures-per-hour", type=click.FloatRange(0), default=0.0, metavar="N",
              help="how often each device dies in an hour  [default: 0]")  # fmt: skip
@click.option("--task-pages", type=click.IntRange(1, 10_000), default=16, metavar="N",
              help="as in `run`  [default: 16]")  # fmt: skip
@click.option("--order", type=click.Choice(["biggest", "input", "smallest"]), default="biggest",
              help="as in `run`  [default: biggest]")  # fmt: skip
@click.option("--seed", type=int, default=0, metavar="N", help="the same seed draws the same numbers  [default: 0]")
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
def command(simulate: bool, devices: str, as_json: bool, **options: Any) -> int:
    """Runs the scheduler of `batchocr run` against devices that do not exist.

    Says how long a run takes, how far that is from the least possible (every device busy from its start to the end),
    and how long devices have nothing to do.
    """
    if not simulate:
        raise click.UsageError("name what to measure: --simulate is all there is so far")
    from batchocr import runs

    names = {"from_output": "sizes_of", "spread": "speed_spread"}
    values = {names.get(name, name): value for name, value in options.items()}
    outcomes = [runs.simulate(count, **values) for count in _counts(devices)]
    if as_json:
        emit_json({"schema": 1, "simulations": outcomes})
    else:
        emit(simulation_text(outcomes))
    return int(ExitCode.OK)


def simulation_text(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """Gives a table of simulated runs for people."""
    first = outcomes[0]
    lines = [
        f"{first['pages']} pages in {first['documents']} documents",
        "",
        f"{'devices':>8}  {'time':>12}  {'over bound':>10}  {'idle mean':>9}  {'max':>6}  {'deaths':>6}",
    ]
    lines += [
        f"{found['devices']:>8}  {duration(found['makespan_s']):>12}  {found['over_bound']:>10.2%}"
        f"  {found['idle_mean']:>9.2%}  {found['idle_max']:>6.2%}  {found['failures']:>6}"
        for found in outcomes
    ]
    busiest = max(outcomes, key=lambda found: found["devices"])
    micros = busiest["policy_s_per_page"] * 1e6
    return "\n".join([*lines, "", f"Choosing took {micros:.0f} microseconds of this machine for each page."])


def _counts(text: str) -> list[int]:
    counts = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if not all(1 <= count <= 100_000 for count in counts):
        raise ConfigError(f"--devices {text!r}: must be numbers of devices such as 1,16,1024.")
    return counts
