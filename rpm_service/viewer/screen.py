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
TECHNICAL = "bold white on grey37"
HELD = "bold magenta"
NO_VALUE = "--?"
HEADINGS = 2
"""Lines beside those of beds and alarms."""
FRESH_S = 2.0
"""A value younger than this is now, and shows no age."""
COLUMNS = ("HR", "PR", "SpO2", "RR", "NIBPs", "NIBPd", "NIBPm", "Temp")


def draw(ward: ShownWard, server_clock: float, height: int | None = None) -> RenderableType:
    """Draws beds as rows and alarms below them.

    `server_clock` is what it must be by now, `height` how many lines there are (None: as many as
    are needed). Where they are too few, limits go first, then beds, alarms of the lowest
    priority last; what is not shown is counted.
    """
    shown = alarms_with_room(ward, height)
    alarms = [_alarm(event, server_clock) for event in shown]
    if len(shown) < len(ward.alarms):
        return Group(*alarms, _hidden(len(ward.alarms) - len(shown), "alarms"))
    alarms = alarms or [Text("no alarms", style="dim")]
    beds = sorted(ward.beds.values(), key=lambda each: each.description.bed)
    if not beds:
        return Group(Text("no beds", style="dim"), *alarms)
    room = len(beds) * 2 if height is None else height - HEADINGS - len(alarms)
    shown_beds = beds[: max(0, room)]
    below = Text() if shown_beds == beds else _hidden(len(beds) - len(shown_beds), "beds")
    if not shown_beds:
        return Group(below, *alarms)
    table = _table(ward, shown_beds, server_clock, with_limits=2 * len(beds) <= room)
    return Group(table, below, *alarms)


def alarms_with_room(ward: ShownWard, height: int | None) -> list[a.AlarmEvent]:
    """The alarms that `draw` draws on so many lines, in order."""
    alarms = ward.alarms_in_order()
    return alarms if height is None or len(alarms) < height else alarms[: height - 1]


def draw_not_monitoring(reason: str, quiet_s: float) -> RenderableType:
    """Draws what a viewer without a feed must show: no number at all."""
    text = Text.assemble(
        ("NOT MONITORING", "bold white on red"),
        f"\n\nfor {_clock(quiet_s)}: {reason}\n\n"
        "No number and no alarm can be shown. Look at the bedside monitors;\n"
        "connecting again by itself.",
        justify="center",
    )
    return Panel(text, border_style="red", padding=(2, 4))


def _table(
    ward: ShownWard, beds: list[ShownBed], server_clock: float, *, with_limits: bool
) -> Table:
    names = {metric.name for bed in ward.beds.values() for metric in bed.description.metrics}
    columns = [name for name in COLUMNS if name in names]
    columns += sorted(names - set(COLUMNS))
    table = Table(expand=True, box=None, padding=(0, 1))
    table.add_column("bed", style="bold", no_wrap=True)
    for name in columns:
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for bed in beds:
        table.add_row(*_row(ward, bed, columns, server_clock))
        if with_limits:
            limits = {metric.name: _limits(metric) for metric in bed.description.metrics}
            table.add_row("", *(Text(limits.get(name, ""), style="dim") for name in columns))
    return table


def _hidden(count: int, what: str) -> Text:
    return Text(f" {count} more {what}: make the window higher", style="bold reverse")


def _limits(metric: m.MetricDescription) -> str:
    if not metric.HasField("limits"):
        return ""
    limits, own = metric.limits, "*" if metric.HasField("override") else ""
    if not limits.HasField("low"):
        return f"≤{limits.high:g}{own}" if limits.HasField("high") else ""
    if not limits.HasField("high"):
        return f"≥{limits.low:g}{own}"
    return f"{limits.low:g}-{limits.high:g}{own}"


def _row(ward: ShownWard, bed: ShownBed, columns: list[str], server_clock: float) -> list[Text]:
    description = bed.description
    crossed = {
        event.metric: event
        for event in reversed(ward.alarms_in_order())
        if event.bed == description.bed and event.kind == a.ALARM_KIND_PHYSIOLOGICAL
    }
    observed_at, validity = bed.numerics.observed_at, bed.numerics.validity
    cells = {}
    for place, (metric, value) in enumerate(bed.current(server_clock)):
        if value is None:
            cells[metric.name] = Text(NO_VALUE, style="grey50")
            continue
        doubted = bool(validity) and validity[place] == a.VALIDITY_QUESTIONABLE
        text = f"{value:.{metric.decimals}f}{'?' if doubted else ''}"
        age_s = server_clock - observed_at[place]
        cells[metric.name] = _cell(text, age_s, crossed.get(metric.name))
    state = {
        m.CONNECTION_LOST: Text("NO SIGNAL", style="bold white on grey37"),
        m.CONNECTION_AWAY: Text("standby", style="dim"),
    }.get(description.connection, Text())
    held = (_held(each, server_clock) for each in description.inactivations)
    state = Text("  ").join(filter(None, (state, *held)))
    return [Text(description.bed), *(cells.get(name, Text()) for name in columns), state]


def _held(held: m.BedInactivation, server_clock: float) -> Text:
    """What is held back of a bed's alarms, and for how long still."""
    what = a.Inactivation.Name(held.state).removeprefix("INACTIVATION_")
    if held.HasField("until"):
        what += f" {_clock(max(0.0, held.until - server_clock))}"
    scope = held.condition or held.metric
    return Text(f"{scope} {what}".strip().replace("_", " "), style=HELD)


def _cell(value: str, age_s: float, event: a.AlarmEvent | None) -> Text:
    text = Text(value, style=STYLES[event.priority][1] if event else "bold")
    if age_s >= FRESH_S:
        aged = f" {age_s:.0f}s" if age_s < 60 else f" {age_s / 60:.0f}min"
        text.append(aged, style="not bold dim")
    return text


def _alarm(event: a.AlarmEvent, server_clock: float) -> Text:
    symbol, style = STYLES[event.priority]
    priority = a.AlarmPriority.Name(event.priority).removeprefix("ALARM_PRIORITY_")
    what = event.condition.replace("_", " ").lower()
    if event.kind == a.ALARM_KIND_TECHNICAL:
        style = TECHNICAL
        what = " ".join(filter(None, (what, event.metric)))
    elif event.condition == "NEWS2_HIGH":
        # Reaching the limit is enough here.
        what = f"NEWS2 {event.limit:g} or more" if event.HasField("limit") else "NEWS2 a single 3"
    elif event.metric and event.HasField("limit"):
        # The value that crossed it is an old one by now; the newest is in the table.
        beyond = "above" if event.condition.endswith("_HIGH") else "below"
        what = f"{event.metric} {beyond} {event.limit:g}"
    if event.text:
        what += f" ({event.text})"
    signal = {
        a.ALARM_PRESENCE_ACKNOWLEDGED: f"acknowledged by {event.acknowledged_by}",
        a.ALARM_PRESENCE_LATCHED: "ended, reset to clear",
    }.get(event.presence, "")
    owner = {
        a.RESPONSIBILITY_ACCEPTED: f"{event.responsible} goes",
        a.RESPONSIBILITY_REJECTED: f"{event.responsible} cannot go",
    }.get(event.responsibility, "")
    since = _clock(server_clock - event.raised_at)
    state = "  ".join(filter(None, (signal, owner, f"#{event.occurrence_id}")))
    return Text.assemble(
        (f" {symbol:>3} {priority:<6} {event.bed} ", style), f" {what}  {since}  ", (state, "dim")
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"
