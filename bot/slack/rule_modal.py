"""The modals in which untagged spend is mapped to a feature (pure)."""

import json
from datetime import date

from bot.domain.feature import Rule
from bot.render.names import plain
from bot.render.numbers import day, money, plural
from bot.slack.blocks import Block, paragraph, plain_paragraph, plain_text
from bot.slack.rule_desk import PREVIEWED_DAYS, Moved
from bot.slack.views import closing_view, feature_field, field

RULE_VIEW, SURE_VIEW = "map_untagged", "map_untagged_sure"
NAME, PROJECT = "name", "project"
LONGEST = 250  # characters of a name and of a project

_NAMES = 10


def rule_view() -> Block:
    """The first modal."""
    name = {"type": "plain_text_input", "max_length": LONGEST, "placeholder": plain_text("rag_chain*")}
    project = {"type": "plain_text_input", "max_length": LONGEST, "placeholder": plain_text("acme-prod")}
    return {
        "type": "modal",
        "callback_id": RULE_VIEW,
        "title": plain_text("Map untagged spend"),
        "submit": plain_text("Preview"),
        "close": plain_text("Cancel"),
        "blocks": [
            paragraph(
                "Runs that say no feature themselves, and that no rule of llmcost.toml claims.",
                "/llmcost untagged lists their names and projects. Nothing changes before you have seen what moves.",
            ),
            field(NAME, "Runs of this name", name, hint="* stands for any characters; case matters."),
            field(PROJECT, "In this project", project, optional=True, hint="Left empty, in every project."),
            feature_field("Belong to"),
        ],
    }


def sure_view(rule: Rule, moved: Moved, first: date | None) -> Block:
    """The second modal: what moves. `first` is the first day whose runs can be moved, None if all can."""
    lines = [f"{money(cost)}  {plain(name)} in {plain(project)}" for name, project, cost in moved.names[:_NAMES]]
    if len(moved.names) > _NAMES:
        lines.append(f"and {plural(len(moved.names) - _NAMES, 'more name')}")
    return {
        "type": "modal",
        "callback_id": SURE_VIEW,
        "private_metadata": json.dumps([rule.feature, rule.project, rule.name], ensure_ascii=False),
        "title": plain_text("Map untagged spend"),
        "submit": plain_text("Map it"),
        "close": plain_text("Cancel"),
        "blocks": [
            paragraph(f"{amount(moved)} of the last {PREVIEWED_DAYS} days would move to {plain(rule.feature)}."),
            plain_paragraph(*lines),
            plain_paragraph(
                f"Older and future runs of these names move too{but_pruned(first)}. It can be undone at any time."
            ),
        ],
    }


def working_view() -> Block:
    """What the second modal turns into."""
    return closing_view(
        "Map untagged spend",
        paragraph("Every run is being looked at again.", "A direct message tells you when it is done."),
    )


def but_pruned(first: date | None) -> str:
    """Which runs cannot be moved; `first` as above."""
    return f", but not before {day(first)}: the runs of those days were pruned" if first is not None else ""


def amount(moved: Moved) -> str:
    """How much moves, in dollars and runs."""
    return f"{money(moved.cost)} ({plural(moved.runs, 'run')})"
