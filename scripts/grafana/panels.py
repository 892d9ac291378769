"""How the panels of both dashboards look: one function a kind."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    VariableHide,
    VariableRefresh,
    VariableSort,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

Query = tuple[str, str]
"""An expression and the name of what it draws."""


def query(expression: str, name: str) -> prometheus.Dataquery:
    text = " ".join(expression.split())
    return prometheus.Dataquery().expr(text).legend_format(name).datasource(SOURCE)


def number(title: str, expression: str, unit: str, width: int, help_text: str) -> stat.Panel:
    """One number, the newest."""
    return (
        stat.Panel()
        .title(title)
        .description(help_text)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .graph_mode(common.BigValueGraphMode.AREA)
        .with_target(query(expression, title).ref_id("A"))
    )


def lines(
    title: str, queries: Sequence[Query], unit: str, width: int, help_text: str, *, stacked: bool = False
) -> timeseries.Panel:
    """Lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(help_text)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(8)
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    if stacked:
        panel = panel.fill_opacity(20).stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    for place, (expression, name) in enumerate(queries):
        panel = panel.with_target(query(expression, name).ref_id(chr(ord("A") + place)))
    return panel


def rows(title: str, expression: str, hidden: Sequence[str], width: int, help_text: str) -> table.Panel:
    """A table of the newest values' labels."""
    hide = [DynamicConfigValue(id_val="custom.hidden", value=True)]
    panel = (
        table.Panel()
        .title(title)
        .description(help_text)
        .datasource(SOURCE)
        .span(width)
        .height(8)
        .with_target(query(expression, "").ref_id("A").instant().format(prometheus_format()))
        .with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "symbol"}]}))
    )
    for name in ["Time", *hidden]:
        panel = panel.override_by_name(name, hide)
    return panel


def prometheus_format():  # noqa: ANN201 -- the enum's module is only needed here
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    return PromQueryFormat.TABLE


def choice(name: str, label: str, values: str) -> builders.QueryVariable:
    """A variable whose values are those of a label."""
    return (
        builders.QueryVariable(name)
        .label(label)
        .query(values)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .hide(VariableHide.DONT_HIDE)
    )


def board(uid: str, title: str, help_text: str) -> builders.Dashboard:
    """An empty dashboard with the variables that both have."""
    return (
        builders.Dashboard(title)
        .uid(uid)
        .description(help_text)
        .tags(["self-trader"])
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(choice("namespace", "Namespace", "label_values(st_start_time_seconds, namespace)"))
        .with_variable(
            choice("job", "Fleet", 'label_values(st_start_time_seconds{namespace="$namespace"}, job)')
        )
    )
