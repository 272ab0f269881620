"""Each of Slack's limits lets through what just fits and catches what does not."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.slack_rules import Json, autolinked, examine, problems, visible_mentions


def plain(text: Any = "x", **more: Any) -> Json:
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text: str = "x", **more: Any) -> Json:
    return {"type": "mrkdwn", "text": text, **more}


def message(*blocks: Json, text: str = "x", **more: Any) -> Json:
    return {"text": text, "blocks": list(blocks), **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def home(*blocks: Json) -> Json:
    return {"type": "home", "blocks": list(blocks)}


def section(**more: Any) -> Json:
    return {"type": "section", **(more or {"text": mrkdwn()})}


def divider(**more: Any) -> Json:
    return {"type": "divider", **more}


def header(text: Any) -> Json:
    return {"type": "header", "text": text}


def aside(element: Json) -> Json:
    return section(text=plain(), accessory=element)


def named(*names: str) -> list[Json]:
    return [divider(block_id=name) for name in names]


def tagged(event_type: str, payload: Any) -> Json:
    return {"text": "x", "metadata": {"event_type": event_type, "event_payload": payload}}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def context(*elements: Json) -> Json:
    return {"type": "context", "elements": list(elements)}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain(), "value": value, **more}


def select(*options: Json, **more: Any) -> Json:
    return {"type": "static_select", "options": list(options), **more}


def field(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def typed(**more: Any) -> Json:
    return {"type": "plain_text_input", **more}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "x", **more}


def radio(*options: Json, **more: Any) -> Json:
    return {"type": "radio_buttons", "options": list(options), **more}


def checks(*options: Json, **more: Any) -> Json:
    return {"type": "checkboxes", "options": list(options), **more}


def overflow(*options: Json, **more: Any) -> Json:
    return {"type": "overflow", "options": list(options), **more}


def picker(date: str) -> Json:
    return {"type": "datepicker", "initial_date": date}


def decimal(**more: Any) -> Json:
    return {"type": "number_input", **more}


def section_of(*leaves: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(leaves)}


def rich(*leaves: Json, **more: Any) -> Json:
    return {"type": "rich_text", "elements": [section_of(*leaves)], **more}


def listed(item: Json | None = None, indent: int = 0) -> Json:
    items = [item] if item else []
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_list", "style": "bullet", "indent": indent, "elements": items}],
    }


def text_leaf(**more: Any) -> Json:
    return {"type": "text", "text": "x", **more}


def broadcast(reach: str) -> Json:
    return {"type": "broadcast", "range": reach}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def number(value: Any = 1.5, text: str = "1.50") -> Json:
    return {"type": "raw_number", "value": value, "text": text}


def table(*rows: list[Json], **more: Any) -> Json:
    return {"type": "table", "rows": list(rows), **more}


def data_table(*rows: list[Json], **more: Any) -> Json:
    return {"type": "data_table", "caption": "x", "rows": list(rows), **more}


def paged(**more: Any) -> Json:
    return data_table([cell()], [cell()], **more)


def chart(drawn: Json) -> Json:
    return {"type": "data_visualization", "title": "x", "chart": drawn}


def pie(*labels: str, value: Any = 1) -> Json:
    return chart({"type": "pie", "segments": [{"label": label, "value": value} for label in labels]})


def bars(names: list[str], categories: list[str], points: list[str] | None = None, **more: Any) -> Json:
    data = [{"label": label, "value": 0} for label in (categories if points is None else points)]
    series = [{"name": name, "data": data} for name in names]
    return chart({"type": "bar", "series": series, "axis_config": {"categories": categories, **more}})


def container(*blocks: Any, **more: Any) -> Json:
    return {"type": "container", "title": plain(), "child_blocks": list(blocks), **more}


def untitled(titled: Json, key: str = "title") -> Json:
    return {name: value for name, value in titled.items() if name != key}


def words(count: int, length: int = 2) -> list[str]:
    return [f"{n:0{length}}" for n in range(count)]


CONFIRM: Json = {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain()}

# What has a length, the most characters of it, and where they stand.
LENGTHS: list[tuple[str, int, Callable[[str], Json]]] = [
    ("text", 4000, lambda x: message(divider(), text=x)),
    ("block_id", 255, lambda x: message(divider(block_id=x))),
    ("block_id of rich text", 255, lambda x: message(rich(text_leaf(), block_id=x))),
    ("section", 3000, lambda x: message(section(text=mrkdwn(x)))),
    ("field", 2000, lambda x: message(section(fields=[plain(x)]))),
    ("header", 150, lambda x: message(header(plain(x)))),
    ("context, plain", 3000, lambda x: message(context(plain(x)))),
    ("context, mrkdwn", 3000, lambda x: message(context(mrkdwn(x)))),
    ("image title", 2000, lambda x: message(image(title=plain(x)))),
    ("image address", 3000, lambda x: message(image(image_url=x))),
    ("image alt_text", 2000, lambda x: message(image(alt_text=x))),
    ("action_id", 255, lambda x: message(actions(button(action_id=x)))),
    ("button text", 75, lambda x: message(actions(button(text=plain(x))))),
    ("button value", 2000, lambda x: message(actions(button(value=x)))),
    ("button address", 3000, lambda x: message(actions(button(url=x)))),
    ("button label", 75, lambda x: message(actions(button(accessibility_label=x)))),
    ("confirm title", 100, lambda x: message(actions(button(confirm=CONFIRM | {"title": plain(x)})))),
    ("confirm text", 300, lambda x: message(actions(button(confirm=CONFIRM | {"text": plain(x)})))),
    ("confirm yes", 30, lambda x: message(actions(button(confirm=CONFIRM | {"confirm": plain(x)})))),
    ("confirm no", 30, lambda x: message(actions(button(confirm=CONFIRM | {"deny": plain(x)})))),
    ("option text", 75, lambda x: message(actions(select(option(text=plain(x)))))),
    ("option value", 150, lambda x: message(actions(select(option(x))))),
    ("option description", 75, lambda x: message(actions(select(option(description=plain(x)))))),
    ("radio text", 75, lambda x: message(actions(radio(option(text=mrkdwn(x)))))),
    ("radio value", 150, lambda x: message(actions(radio(option(x))))),
    ("radio description", 75, lambda x: message(actions(radio(option(description=mrkdwn(x)))))),
    ("overflow text", 75, lambda x: message(actions(overflow(option(text=plain(x)))))),
    ("overflow value", 150, lambda x: message(actions(overflow(option(x))))),
    ("overflow description", 75, lambda x: message(actions(overflow(option(description=plain(x)))))),
    ("overflow address", 3000, lambda x: message(actions(overflow(option(url=x))))),
    ("placeholder", 150, lambda x: modal(field(typed(placeholder=plain(x))))),
    ("initial_value", 3000, lambda x: modal(field(typed(initial_value=x)))),
    ("label", 2000, lambda x: modal({"type": "input", "label": plain(x), "element": typed()})),
    ("hint", 2000, lambda x: modal(field(typed(), hint=plain(x)))),
    ("rich text", 4000, lambda x: message(rich(text_leaf(text=x)))),
    ("rich text link", 3000, lambda x: message(rich({"type": "link", "url": x}))),
    ("markdown", 12_000, lambda x: message({"type": "markdown", "text": x})),
    ("caption", 4000, lambda x: message(data_table([cell()], [cell()]) | {"caption": x})),
    ("chart title", 50, lambda x: message(pie("a") | {"title": x})),
    ("segment", 20, lambda x: message(pie(x))),
    ("series", 20, lambda x: message(bars([x], ["a"]))),
    ("category", 20, lambda x: message(bars(["a"], [x]))),
    ("x axis", 50, lambda x: message(bars(["a"], ["a"], x_label=x))),
    ("y axis", 50, lambda x: message(bars(["a"], ["a"], y_label=x))),
    ("container title", 150, lambda x: message(container(divider(), title=plain(x)))),
    ("container subtitle", 150, lambda x: message(container(divider(), subtitle=mrkdwn(x)))),
    ("alert", 200, lambda x: modal({"type": "alert", "text": mrkdwn(x)})),
    ("title", 24, lambda x: modal(title=plain(x))),
    ("submit", 24, lambda x: modal(submit=plain(x))),
    ("close", 24, lambda x: modal(close=plain(x))),
    ("private_metadata", 3000, lambda x: modal(private_metadata=x)),
    ("callback_id", 255, lambda x: modal(callback_id=x)),
    ("external_id", 255, lambda x: modal(external_id=x)),
]
MAY_BE_EMPTY = {"text", "private_metadata"}
# What is counted, how few and how many there may be, and what holds n of them.
COUNTS: list[tuple[str, int, int, Callable[[int], Json]]] = [
    ("blocks of a message", 0, 50, lambda n: message(*[divider()] * n)),
    ("blocks of a modal", 0, 100, lambda n: modal(*[divider()] * n)),
    ("blocks of a home", 0, 100, lambda n: home(*[divider()] * n)),
    ("fields", 1, 10, lambda n: message(section(fields=[plain()] * n))),
    ("context", 1, 10, lambda n: message(context(*[plain()] * n))),
    ("actions", 1, 25, lambda n: message(actions(*[button()] * n))),
    ("select", 1, 100, lambda n: message(actions(select(*[option()] * n)))),
    ("radio buttons", 1, 10, lambda n: message(actions(radio(*[option()] * n)))),
    ("checkboxes", 1, 10, lambda n: message(actions(checks(*[option()] * n)))),
    ("overflow", 1, 5, lambda n: message(actions(overflow(*[option()] * n)))),
    ("table rows", 1, 100, lambda n: message(table(*[[cell()]] * n))),
    ("table cells", 1, 20, lambda n: message(table([cell()] * n))),
    ("table cells below", 1, 20, lambda n: message(table([cell()] * n, [cell()] * n))),
    ("column settings", 0, 20, lambda n: message(table([cell()], column_settings=[None] * n))),
    ("data table rows", 2, 101, lambda n: message(data_table(*[[cell()]] * n))),
    ("data table cells", 1, 20, lambda n: message(data_table([cell()] * n, [cell()] * n))),
    ("segments", 1, 6, lambda n: message(pie(*words(n)))),
    ("series", 1, 6, lambda n: message(bars(words(n), ["a"]))),
    ("categories", 1, 20, lambda n: message(bars(["a"], words(n)))),
    ("children", 1, 10, lambda n: message(container(*[divider()] * n))),
]
# What the rule is, what just fits, what does not, and what is said about it.
RULES: list[tuple[str, Json, Json, str]] = [
    ("there is something to say", {"text": "x"}, {"blocks": []}, "needs text or blocks"),
    ("text is a string", {"text": "1"}, {"text": 1}, "text: must be a string"),
    ("blocks are a list", message(), {"text": "x", "blocks": {}}, "blocks: must be a list"),
    ("a block is known", message(divider()), message({"type": "carpet"}), "'carpet' is no block"),
    ("a block has a type", message(divider()), message({"block_id": "b"}), "None is no block"),
    ("a type is a string", message(divider()), message({"type": []}), "[] is no block"),
    ("a block is an object", message(divider()), {"text": "x", "blocks": ["x"]}, "None is no block"),
    ("a string is no number", message(header(plain("1"))), message(header(plain(1))), "must be a string"),
    ("markdown is a string", message(), message({"type": "markdown", "text": 1}), "must be a string"),
    ("an actions block is whole", message(actions(button())), message({"type": "actions"}), "lacks 'elements'"),
    ("rows are a list", message(table([cell()])), message({"type": "table", "rows": 1}), "must be a list"),
    ("a child is an object", message(container(divider())), message(container("x")), "None is no block"),
    ("a text is an object", message(header(plain())), message(header("x")), "None is no plain_text"),
    ("a style is an object", message(rich(text_leaf())), message(rich(text_leaf(style="b"))), "must be an object"),
    ("no unknown keys", message(divider(block_id="b")), message(divider(color="red")), "unknown key 'color'"),
    ("block_ids differ", message(*named("a", "b")), message(*named("a", "a")), "block_id 'a' is taken"),
    (
        "block_ids of children differ, too",
        message(*named("a"), container(*named("b"))),
        message(*named("a"), container(*named("a"))),
        "block_id 'a' is taken",
    ),
    (
        "all blocks have 13,200 characters",
        message(*[section(text=plain("x" * 2623))] * 5),
        message(*[section(text=plain("x" * 2623))] * 4, section(text=plain("x" * 2624))),
        "have 13201 characters together, 13200 fit",
    ),
    (
        "a line break counts twice",
        message(*[section(text=plain("x" * 1500))] * 5),
        message(*[section(text=plain("\n" * 1500))] * 5),
        "characters together, 13200 fit",
    ),
    (
        "markdown blocks share 12,000 characters",
        message(*[{"type": "markdown", "text": "x" * 6000}] * 2),
        message(*[{"type": "markdown", "text": "x" * 6000}] * 2, {"type": "markdown", "text": "x"}),
        "have 12001 characters together",
    ),
    ("metadata has two parts", tagged("a", {}), {"text": "x", "metadata": {"event_type": "a"}}, "must have event_type"),
    ("metadata has no more", tagged("a", {}), {"text": "x", "metadata": ["a"]}, "must have event_type and"),
    ("an event_type is a name", tagged("a.B_c-1", {}), tagged("a b", {}), "must be letters"),
    ("an event_payload is an object", tagged("a", {"key": "k"}), tagged("a", "k"), "must be an object"),
    (
        "plain_text has no verbatim",
        message(context(mrkdwn(verbatim=True))),
        message(context(plain(verbatim=True))),
        "verb",
    ),
    ("mrkdwn has no emoji", message(context(plain(emoji=True))), message(context(mrkdwn(emoji=True))), "key 'emoji'"),
    ("a flag is no word", message(context(mrkdwn(verbatim=False))), message(context(mrkdwn(verbatim="no"))), "true or"),
    ("a section says something", message(section()), message(section(accessory=button())), "needs text or fields"),
    ("an accessory is known", message(aside(image())), message(aside(typed())), "is no accessory"),
    ("a header is plain", message(header(plain())), message(header(mrkdwn())), "'mrkdwn' is no plain_text"),
    ("a context has no buttons", message(context(image())), message(context(button())), "is no element of a context"),
    ("an actions block has no images", message(actions(button())), message(actions(image())), "is no element of an ac"),
    (
        "action_ids differ within a block",
        message(actions(button(action_id="a"), button()), actions(button(action_id="a"))),
        message(actions(button(action_id="a"), button(action_id="a"))),
        "action_id 'a' stands 2 times",
    ),
    ("a button's style", message(actions(button(style="danger"))), message(actions(button(style="blue"))), "'blue' is"),
    (
        "a confirmation is whole",
        message(actions(button(confirm=CONFIRM))),
        message(actions(button(confirm={"text": plain()}))),
        "lacks 'title'",
    ),
    (
        "a select's options are plain",
        message(actions(radio(option(text=mrkdwn())))),
        message(actions(select(option(text=mrkdwn())))),
        "'mrkdwn' is no plain_text",
    ),
    (
        "a select starts with one of its options",
        message(actions(select(option("a"), initial_option=option("a")))),
        message(actions(select(option("a"), initial_option=option("b")))),
        "not among its options",
    ),
    (
        "checkboxes start with some of their options",
        message(actions(checks(option("a"), initial_options=[option("a")]))),
        message(actions(checks(option("a"), initial_options=[option("a"), option("b")]))),
        "not among its options",
    ),
    (
        "boxes start with some",
        message(actions(checks(option()))),
        message(actions(checks(initial_options=[]))),
        "0 items",
    ),
    ("a date is one", message(actions(picker("2026-11-22"))), message(actions(picker("today"))), "'today' is no date"),
    ("rich text is known", message(rich(text_leaf())), message(rich({"type": "blink"})), "is no rich text element"),
    (
        "a range is known",
        message(rich(broadcast("here"))),
        message(rich(broadcast("world"))),
        "'world' is none of here",
    ),
    ("rich text has a part", message(rich(text_leaf())), message({"type": "rich_text", "elements": []}), "has 0 items"),
    ("rich text has an element", message(rich(text_leaf())), message(rich()), "has 0 items"),
    ("a list has an item", message(listed(section_of(text_leaf()))), message(listed()), "has 0 items"),
    (
        "a list is indented",
        message(listed(section_of(text_leaf()), 8)),
        message(listed(section_of(text_leaf()), 9)),
        "9 is",
    ),
    (
        "not outdented",
        message(listed(section_of(text_leaf()), 0)),
        message(listed(section_of(text_leaf()), -1)),
        "-1 is",
    ),
    ("a row is a list", message(table([cell()])), message({"type": "table", "rows": [cell()]}), "must be a list"),
    ("rows have one length", message(table([cell()] * 2)), message(table([cell()] * 2, [cell()])), "rows differ"),
    ("no cell is empty", message(table([cell("-")])), message(table([cell("")])), "use a dash"),
    ("no cell is blank", message(table([number()])), message(table([number(text=" ")])), "use a dash"),
    ("a cell is known", message(table([rich(text_leaf())])), message(table([mrkdwn()])), "is no table cell"),
    ("a number is no text", message(table([number(0)])), message(table([number("0")])), "must be a finite number"),
    ("a number is no flag", message(table([number(1)])), message(table([number(True)])), "must be a finite number"),
    ("a number is finite", message(table([number(-1)])), message(table([number(float("nan"))])), "finite number"),
    (
        "a table has 10,000 characters",
        message(table([cell("x" * 5000), cell("x" * 5000)])),
        message(table([cell("x" * 5000), number(1, "x" * 5001)])),
        "cells have 10001 characters together",
    ),
    (
        "a data table has 20,000 characters",
        home(data_table([cell("x" * 9000)], [rich(*[text_leaf(text="x" * 2750)] * 4)])),
        home(data_table([cell("x" * 9001)], [rich(*[text_leaf(text="x" * 2750)] * 4)])),
        "cells have 20001 characters together",
    ),
    ("a message has one table", message(table([cell()])), message(table([cell()]), table([cell()])), "has 2 'table'"),
    ("also in containers", message(table([cell()])), message(table([cell()]), container(table([cell()]))), "has 2 'ta"),
    (
        "columns are aligned",
        message(table([cell()], column_settings=[None, {"align": "right", "is_wrapped": True}])),
        message(table([cell()], column_settings=[{"align": "top"}])),
        "'top' is none of left",
    ),
    (
        "a data table has a caption",
        message(data_table([cell()], [cell()])),
        message({"type": "data_table", "rows": [[cell()], [cell()]]}),
        "lacks 'caption'",
    ),
    (
        "a header has no rich text",
        message(data_table([cell()], [rich(text_leaf())])),
        message(data_table([rich(text_leaf())], [cell()])),
        "is no cell of a header row",
    ),
    ("a page has 100 rows", message(paged(page_size=100)), message(paged(page_size=101)), "101 is not from 1 to 100"),
    ("a page has a row", message(paged(page_size=1)), message(paged(page_size=0)), "0 is not from 1 to 100"),
    ("a page has whole rows", message(paged(page_size=1)), message(paged(page_size=1.5)), "must be a whole number"),
    (
        "the row header is a column",
        message(paged(row_header_column_index=0)),
        message(paged(row_header_column_index=1)),
        "is no column",
    ),
    (
        "columns count from 0",
        message(paged(row_header_column_index=0)),
        message(paged(row_header_column_index=-1)),
        "-1 is not from 0",
    ),
    ("a chart is known", message(pie("a")), message(chart({"type": "radar"})), "'radar' is no chart"),
    ("a message has two charts", message(pie("a"), pie("b")), message(*[pie("a")] * 3), "has 3 'data_visualization'"),
    ("labels differ", message(pie("a", "b")), message(pie("a", "a")), "label 'a' stands 2 times"),
    ("a segment is more than nothing", message(pie("a", value=1e-9)), message(pie("a", value=0)), "0 is not from"),
    ("series differ", message(bars(["a", "b"], ["x"])), message(bars(["a", "a"], ["x"])), "series 'a' stands 2 times"),
    ("categories differ", message(bars(["a"], ["x", "y"])), message(bars(["a"], ["x", "x"])), "category 'x' stands 2"),
    (
        "a series has every category",
        message(bars(["a"], ["x", "y"], ["y", "x"])),
        message(bars(["a"], ["x", "y"], ["x"])),
        "not exactly one point per category",
    ),
    (
        "a series has a category once",
        message(bars(["a"], ["x"], ["x"])),
        message(bars(["a"], ["x"], ["x", "x"])),
        "not exactly one point per category",
    ),
    (
        "a container has a title",
        message(container(divider())),
        message(untitled(container(divider()))),
        "needs a title",
    ),
    (
        "no chart in a container",
        message(container(table([cell()]))),
        message(container(pie("a"))),
        "cannot stand in a c",
    ),
    (
        "no container in another",
        message(container(section())),
        message(container(container())),
        "cannot stand in a con",
    ),
    ("a child is known", message(container(section())), message(container({"type": "carpet"})), "'carpet' is no block"),
    (
        "what cannot collapse is not collapsed",
        message(container(divider(), is_collapsible=True, default_collapsed=True)),
        message(container(divider(), default_collapsed=True)),
        "needs is_collapsible",
    ),
    (
        "what can collapse has no header divider",
        message(container(divider(), has_header_divider=True)),
        message(container(divider(), has_header_divider=True, is_collapsible=True)),
        "has no header divider",
    ),
    ("a modal has a title", modal(), untitled(modal()), "lacks 'title'"),
    ("a home has none", home(), home() | {"title": plain()}, "unknown key 'title'"),
    ("a view has no text", modal(), modal(text="x"), "unknown key 'text'"),
    ("what is typed in can be sent", modal(field(typed())), untitled(modal(field(typed())), "submit"), "needs submit"),
    ("an input is typed in", modal(field(typed())), modal(field(button())), "is no element of an input"),
    ("max_length", modal(field(typed(max_length=3000))), modal(field(typed(max_length=3001))), "3001 is not from 1"),
    ("max_length > 0", modal(field(typed(max_length=1))), modal(field(typed(max_length=0))), "0 is not from 1"),
    ("min_length", modal(field(typed(min_length=3000))), modal(field(typed(min_length=3001))), "3001 is not from 0"),
    ("min_length >= 0", modal(field(typed(min_length=0))), modal(field(typed(min_length=-1))), "-1 is not from 0"),
    ("a number input knows decimals", modal(field(decimal(is_decimal_allowed=True))), modal(field(decimal())), "lacks"),
    ("no table in a modal", home(table([cell()])), modal(table([cell()])), "'table' cannot stand in a modal"),
    ("no chart in a modal", home(pie("a")), modal(pie("a")), "cannot stand in a modal"),
    ("no data table in a modal", home(paged()), modal(paged()), "cannot stand in a modal"),
    (
        "markdown in messages only",
        message({"type": "markdown", "text": "x"}),
        home({"type": "markdown", "text": "x"}),
        "in a h",
    ),
    (
        "no alert in a home",
        modal({"type": "alert", "text": plain()}),
        home({"type": "alert", "text": plain()}),
        "in a home",
    ),
    ("no alert in a message", modal(), message({"type": "alert", "text": plain()}), "cannot stand in a message"),
]


def found(payload: Json) -> list[str]:
    return problems(payload, payload.get("type", "message"))


@pytest.mark.parametrize(("name", "most", "build"), LENGTHS, ids=[one[0] for one in LENGTHS])
def test_lengths(name: str, most: int, build: Callable[[str], Json]) -> None:
    assert found(build("x" * most)) == []
    assert any(f"has {most + 1} characters, {most} fit" in problem for problem in found(build("x" * (most + 1))))
    said = {problem.partition(": ")[2] for problem in found(build(""))}
    assert said == (set() if name in MAY_BE_EMPTY else {"must not be empty"})


@pytest.mark.parametrize(("least", "most", "build"), [one[1:] for one in COUNTS], ids=[one[0] for one in COUNTS])
def test_counts(least: int, most: int, build: Callable[[int], Json]) -> None:
    assert found(build(least)) == [] == found(build(most))
    assert any(f"has {most + 1} items" in problem for problem in found(build(most + 1)))
    assert least == 0 or any(f"has {least - 1} items" in problem for problem in found(build(least - 1)))


@pytest.mark.parametrize(("fits", "breaks", "said"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_rules(fits: Json, breaks: Json, said: str) -> None:
    assert found(fits) == []
    assert any(said in problem for problem in found(breaks)), found(breaks)


EVERYTHING: list[Json] = [
    section(text=plain(emoji=True), expand=True, block_id="s", accessory=select(option(), placeholder=plain())),
    {"type": "header", "text": plain(), "block_id": "h"},
    context(image(), mrkdwn(verbatim=True)) | {"block_id": "c"},
    image(title=plain(), block_id="i"),
    actions(
        button(url="https://example.com", style="primary", confirm=CONFIRM | {"style": "danger"}),
        select(option(), placeholder=plain(), confirm=CONFIRM, focus_on_load=True, action_id="1"),
        {"type": "users_select", "initial_user": "U1", "placeholder": plain(), "action_id": "2", "confirm": CONFIRM},
        picker("2026-11-22") | {"placeholder": plain(), "action_id": "3", "confirm": CONFIRM},
        radio(option("a"), initial_option=option("a"), action_id="4"),
        checks(option(), action_id="5"),
        overflow(option(), action_id="6", confirm=CONFIRM),
    )
    | {"block_id": "a"},
    aside(button()),
    aside(overflow(option())),
    aside(image()),
    rich(
        text_leaf(style=dict.fromkeys(("bold", "italic", "strike", "code"), True)),
        {"type": "link", "url": "https://example.com", "text": "x", "style": {"bold": True}},
        {"type": "emoji", "name": "wave", "style": {}},
        {"type": "user", "user_id": "U1", "style": {}},
        {"type": "usergroup", "usergroup_id": "S1", "style": {}},
        {"type": "channel", "channel_id": "C1", "style": {}},
        broadcast("channel") | {"style": {}},
        {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "then", "style": {}},
    ),
    {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_quote", "elements": [text_leaf()]},
            {"type": "rich_text_preformatted", "elements": [text_leaf()]},
        ],
    },
    listed(section_of(text_leaf()), 1),
    bars(["a"], ["x"], x_label="x") | {"block_id": "v"},
    {**bars(["a"], ["x"])} | {"chart": bars(["a"], ["x"])["chart"] | {"type": "line"}},
    container(divider(), block_id="n", width="full", icon=image(), subtitle=plain()),
    untitled(container(divider(), rich_text_title=rich(text_leaf()))),
]


def test_everything_that_is_known_fits_at_once() -> None:
    assert found(message(*EVERYTHING, table([cell()], block_id="t"))) == []
    assert found(home(*EVERYTHING, paged(block_id="t"))) == []
    area = {**bars(["a"], ["x"])} | {"chart": bars(["a"], ["x"])["chart"] | {"type": "area"}}
    assert found(message(area, {"type": "markdown", "text": "x", "block_id": "m"})) == []
    fields = [
        field(typed(multiline=True, focus_on_load=True, action_id="a"), block_id="f", optional=True),
        field(decimal(is_decimal_allowed=False, min_value="0", max_value="9", action_id="a"), dispatch_action=True),
        field(select(option())),
        {"type": "alert", "text": plain(), "level": "info", "block_id": "a"},
    ]
    assert found(modal(*fields, clear_on_close=True, notify_on_close=True, submit_disabled=False)) == []


@pytest.mark.parametrize("leaf", ["emoji", "user", "usergroup", "channel", "broadcast", "date", "link", "text"])
def test_a_rich_text_element_is_whole(leaf: str) -> None:
    assert any("lacks" in problem for problem in found(message(rich({"type": leaf}))))


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"blocks": []}, "no_text"),
        ({"text": "x" * 4001}, "msg_too_long"),
        (message(*[section(text=plain("x" * 3000))] * 5), "msg_blocks_too_long"),
        (message({"type": "carpet"}), "invalid_blocks"),
        ({"text": "x", "metadata": {}}, None),
        ({"text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
    ],
)
def test_each_problem_names_the_error_that_slack_answers(broken: Json, error: str | None) -> None:
    assert [problem.error for problem in examine(broken)] == ([error] if error else [])


def test_a_problem_says_where_it_is() -> None:
    said = found(message(divider(), actions(button(), button(text=plain("")))))
    assert said == ["blocks[1].elements[1].text.text: must not be empty"]


# --- mentions --------------------------------------------------------------------------------------------------------

ACTED_ON = ["<!channel>", "<!here>", "<!everyone>", "<!subteam^S1>", "<@U1>", "<#C1>", "<https://evil.example|good>"]


@pytest.mark.parametrize("control", ACTED_ON)
def test_slack_acts_on_mentions_in_text_and_mrkdwn_and_nowhere_else(control: str) -> None:
    seen = [
        {"text": f"a {control} b"},
        message(section(text=mrkdwn(control, verbatim=True))),
        message(section(fields=[mrkdwn(f"```{control}```")])),
        message(container(context(mrkdwn(control)))),
        message({"type": "markdown", "text": control}),
        modal(section(text=mrkdwn(control))),
        {"attachments": [{"pretext": control}]},
        {"initial_comment": control},
    ]
    assert [visible_mentions(one) for one in seen] == [[control]] * len(seen)
    unseen = [
        message(section(text=plain(control))),
        message(table([cell(control)])),
        message(pie(control)),
        message(actions(button(text=plain(control), value=control))),
        message(rich({"type": "text", "text": control})),
        message(metadata={"event_type": "a", "event_payload": {"text": control}}),
    ]
    assert [visible_mentions(one) for one in unseen] == [[]] * len(unseen)


def test_rich_text_mentions_are_mentions() -> None:
    leaves: list[Json] = [
        {"type": "user", "user_id": "U1"},
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "channel", "channel_id": "C1"},
        {"type": "broadcast", "range": "channel"},
        {"type": "link", "url": "https://evil.example"},
    ]
    found = visible_mentions(message(rich(*leaves)))
    assert found == ["<@U1>", "<!subteam^S1>", "<#C1>", "<!channel>", "<https://evil.example>"]


def test_a_date_is_no_mention_unless_it_links() -> None:
    date = "<!date^1800000000^{date_short_pretty}|then>"
    linked = "<!date^1800000000^{date}^https://evil.example|then>"
    assert visible_mentions({"text": date + linked}) == [linked]


@given(st.text())
def test_escaped_text_mentions_nobody(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert visible_mentions(message(section(text=mrkdwn(escaped)), text=escaped)) == []


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see https://evil.example/x now", ["https://evil.example/x"]),
        ("ask @alice in #general", ["@alice", "#general"]),
        ("evil.com", ["evil.com"]),
        ("`@alice` and ```#general```", []),
        ("<https://fine.example|link>, gpt-4.1, #3, a@b", []),
    ],
)
def test_what_is_not_verbatim_gets_linked(text: str, linked: list[str]) -> None:
    assert autolinked(message(section(text=mrkdwn(text)))) == linked
    assert autolinked(message(section(text=mrkdwn(text, verbatim=False)))) == linked
    assert autolinked(message(section(text=mrkdwn(text, verbatim=True)), context(plain(text)), text=text)) == []
