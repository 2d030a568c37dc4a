"""The ward on a terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.ward import ShownBed, ShownWard

STYLES = {
    a.ALARM_PRIORITY_HIGH: ("!!!", "bold white on red"),
    a.ALARM_PRIORITY_MEDIUM: ("!!", "bold black on yellow"),
    a.ALARM_PRIORITY_LOW: ("!", "bold cyan"),
}
TECHNICAL = ("·", "bold white on grey37")
NO_VALUE = "--?"
FRESH_S = 2.0
"""A value younger than this is now, and shows no age."""
COLUMNS = ("HR", "PR", "SpO2", "RR", "NIBPs", "NIBPd", "NIBPm", "Temp")


def draw(ward: ShownWard, server_clock: float) -> RenderableType:
    """Draws beds as rows and alarms below them; `server_clock` is what it must be by now."""
    shown = {metric.name for bed in ward.beds.values() for metric in bed.description.metrics}
    columns = [name for name in COLUMNS if name in shown]
    columns += sorted(shown - set(COLUMNS))
    table = Table(expand=True, box=None, padding=(0, 1))
    table.add_column("bed", style="bold", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for bed in sorted(ward.beds.values(), key=lambda each: each.description.bed):
        table.add_row(*_row(ward, bed, columns, server_clock))
    alarms = [_alarm(event, server_clock) for event in ward.alarms_in_order()]
    return Group(table, Text(), *(alarms or [Text("no alarms", style="dim")]))


def draw_not_monitoring(reason: str) -> RenderableType:
    """Draws what a viewer without a feed must show: no number at all."""
    text = Text.assemble(
        ("NOT MONITORING\n\n", "bold white on red"),
        f"{reason}\n\nNo number and no alarm can be shown. Look at the bedside monitors;\n"
        "connecting again by itself.",
        justify="center",
    )
    return Panel(text, border_style="red", padding=(2, 4))


def _row(ward: ShownWard, bed: ShownBed, columns: list[str], server_clock: float) -> list[Text]:
    description = bed.description
    crossed = {
        event.metric: event
        for event in reversed(ward.alarms_in_order())
        if event.bed == description.bed and event.kind == a.ALARM_KIND_PHYSIOLOGICAL
    }
    names = (metric.name for metric in description.metrics)
    observed = dict(zip(names, bed.numerics.observed_at, strict=False))
    cells = {
        metric.name: _cell(
            metric, value, server_clock - observed.get(metric.name, 0.0), crossed.get(metric.name)
        )
        for metric, value in bed.current(server_clock)
    }
    state = {
        m.CONNECTION_LOST: Text("NO SIGNAL", style="bold white on grey37"),
        m.CONNECTION_AWAY: Text("standby", style="dim"),
    }.get(description.connection, Text())
    return [Text(description.bed), *(cells.get(name, Text()) for name in columns), state]


def _cell(
    metric: m.MetricDescription, value: float | None, age: float, event: a.AlarmEvent | None
) -> Text:
    if value is None:
        return Text(NO_VALUE, style="grey50")
    style = STYLES[event.priority][1] if event else "bold"
    text = Text(f"{value:.{metric.decimals}f}", style=style)
    if age >= FRESH_S:
        aged = f" {age:.0f}s" if age < 60 else f" {age / 60:.0f}min"
        text.append(aged, style="not bold dim")
    return text


def _alarm(event: a.AlarmEvent, server_clock: float) -> Text:
    symbol, style = STYLES[event.priority]
    if event.kind == a.ALARM_KIND_TECHNICAL:
        symbol, style = TECHNICAL
    what = event.condition.replace("_", " ").lower()
    if event.metric:
        what += f" {event.metric}"
    if event.HasField("value") and event.HasField("limit"):
        beyond = ">" if event.condition.endswith("_HIGH") else "<"
        what = f"{event.metric} {event.value:g} {beyond} {event.limit:g}"
    state = {
        a.ALARM_PRESENCE_ACKNOWLEDGED: f"acknowledged by {event.acknowledged_by}",
        a.ALARM_PRESENCE_LATCHED: "ended, reset to clear",
    }.get(event.presence, "")
    since = max(0, int(server_clock - event.raised_at))
    return Text.assemble(
        (f" {symbol:>3} {event.bed} ", style), f" {what}  {since // 60}:{since % 60:02}  ",
        (state, "dim"),
    )  # fmt: skip
