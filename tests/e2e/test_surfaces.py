"""The home tab, the modals, mentions and direct messages over sockets, as the whole bot shows them; and who may see
them."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.store import Ledger, open_ledger
from bot.slack.access import GUEST, NOT_NAMED, STRANGER
from bot.slack.budget_modal import ALERT_AT, ALL_RUNS, BUDGET_VIEW, DIMENSION, OWNERS, VALUE
from bot.slack.field_errors import NO_VALUE_OF_ALL
from bot.slack.home_view import MAP_UNTAGGED, PREVIEW_DIGEST, SET_BUDGET, UNDO_RULE
from bot.slack.rule_modal import NAME, PROJECT
from bot.slack.turns import MOST
from bot.slack.views import FEATURE, PICK_FEATURE
from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn

BOT = f"<@{SlackStandIn.bot_user}>"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A bot that runs, with U1, U3 and UBUSY as its admins, a guest, and somebody of another workspace."""
    folder = tmp_path_factory.mktemp("surfaces")
    (folder / "llmcost.toml").write_text('[features.rag-search]\nowner = "U1"\nbudget = { monthly = 3 }\n')
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        slack.add_user("UGUEST", "gus", "gus@example.org", is_guest=True)
        slack.add_user("UFAR", "fay", "fay@example.net", team="T0FAR")
        slack.add_user("U2", "bob", "bob@example.com")
        slack.add_user("U3", "carol", "carol@example.com")
        slack.add_user("UBUSY", "ben", "ben@example.com")
        traced(langsmith)
        for name, cost in (("rag_chain_a", "0.40"), ("evals", "0.10")):
            langsmith.add_run(project="acme-prod", start=now(), name=name, cost=cost)
        talk = Talk(slack, langsmith, folder, {"LLMCOST_ADMINS": "U1,U3,UBUSY"})
        talk.sync()
        with talk.running():
            yield talk


@pytest.fixture
def ledger(talk: Talk) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{talk.folder}/llmcost.db", create=False)
    yield opened
    opened.close()


def home(talk: Talk, user: str = "U1") -> Json:
    """Open the tab; what it shows then."""
    before = len(talk.slack.homes[user])
    talk.slack.event("app_home_opened", user=user).wait_ack()
    return talk.slack.wait_home(user, before + 1)


def texts(value: Any) -> str:
    """All that can be read in blocks, a line each."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(texts, value)))
    if not isinstance(value, dict):
        return ""
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return "\n".join([*own, *filter(None, (texts(one) for one in value.values()))])


def modal(talk: Talk, view: Json, action: str, user: str = "U1") -> Json:
    """The modal that a button of the home tab opens."""
    before = len(talk.slack.modals)
    talk.slack.click(view, action, user=user)
    return talk.slack.wait_for(lambda: talk.slack.modals[before:], what="a modal")[-1]


def picked(talk: Talk, view: Json, typed: str) -> Json:
    """The option that is offered first for what is typed."""
    found: Json = talk.slack.suggest(view, PICK_FEATURE, typed).wait_ack().payload["options"][0]
    return {PICK_FEATURE: {"type": "external_select", "selected_option": found}}


def entered(block: str, text: str) -> Json:
    return {block: {"type": "plain_text_input", "value": text}}


def mention(talk: Talk, text: str, **more: Any) -> Exchange:
    return talk.slack.event("app_mention", text=f"{BOT} {text}", **more)


def replies(talk: Talk, place: str, number: int = 0) -> list[Json]:
    """What was answered in threads there, as soon as it is so much."""
    found: list[Json] = talk.slack.wait_for(
        lambda: {"told": told} if len(told := _threaded(talk, place)) >= number else {}, what="an answer in a thread"
    )["told"]
    return found


def _threaded(talk: Talk, place: str) -> list[Json]:
    found = [one for one in talk.slack.messages(place) if "thread_ts" in one]
    return sorted(found, key=lambda one: str(one["thread_ts"]))


def test_the_home_tab_is_shown_before_anybody_is_asked_but_who_has_opened_it_and_welcomes_once(talk: Talk) -> None:
    """That is why it is fresh within a second: the ledger knows the rest."""
    langsmith, calls = len(talk.langsmith.requests), len(talk.slack.requests)
    first = texts(home(talk)["blocks"])
    assert len(talk.langsmith.requests) == langsmith
    asked = [call.method for call in talk.slack.requests[calls:]]
    assert set(asked[: asked.index("views.publish")]) <= {"users.info"}
    assert "Welcome to llmcost" in first
    assert "$1.70" in first
    assert "Your features, last 7 days" in first
    assert "rag-search" in first.split("Your features, last 7 days")[1].split("Other features, last 7 days")[0]
    assert "Welcome to llmcost" not in texts(home(talk)["blocks"])


def test_only_admins_are_welcomed_with_what_still_lacks(talk: Talk) -> None:
    seen = texts(home(talk, "U2")["blocks"])
    assert "Welcome to llmcost" in seen
    assert "Still missing" not in seen
    assert "Your features" not in seen


def test_the_digest_is_previewed_in_a_modal(talk: Talk) -> None:
    view = modal(talk, home(talk), PREVIEW_DIGEST)
    assert view["title"]["text"] == "Digest preview"
    assert "$" in texts(view["blocks"])


def test_a_budget_is_set_with_errors_at_their_fields(talk: Talk, ledger: Ledger) -> None:
    view = modal(talk, home(talk), SET_BUDGET)
    offered = talk.slack.suggest(view, PICK_FEATURE, "rag").wait_ack().payload["options"]
    assert [one["value"] for one in offered] == ["rag-search"]
    assert len(talk.slack.suggest(view, PICK_FEATURE, "").wait_ack().payload["options"]) == 4
    values = {
        FEATURE: picked(talk, view, "rag"),
        "monthly": entered("monthly", "much"),
        "daily": entered("daily", ""),
        VALUE: entered(VALUE, "production"),
        ALERT_AT: entered(ALERT_AT, "50, twice"),
    }
    wrong = talk.slack.submit(view, values).wait_ack().payload
    assert set(wrong["errors"]) == {"monthly", DIMENSION, ALERT_AT}
    nothing = talk.slack.submit(view, {FEATURE: picked(talk, view, "rag")}).wait_ack().payload
    assert nothing["errors"] == {"monthly": "Give at least one limit."}
    option = {"text": {"type": "plain_text", "text": "env"}, "value": "env"}
    values |= {
        "monthly": entered("monthly", "1,200.50"),
        "daily": entered("daily", "$7"),
        DIMENSION: {DIMENSION: {"type": "static_select", "selected_option": option}},
        ALERT_AT: entered(ALERT_AT, "50 %, 90"),
        OWNERS: {OWNERS: {"type": "multi_users_select", "selected_users": ["U2"]}},
    }
    saved = talk.slack.submit(view, values).wait_ack().payload
    assert "rag-search may spend $1,200 monthly now" in texts(saved["view"]["blocks"])
    found = {one.window.value: one for one in ledger.outbox.set_limits()}
    assert {name: one.limit_nanos for name, one in found.items()} == {"daily": 7 * 10**9, "monthly": 1_200_500_000_000}
    for one in found.values():
        assert (one.alert_at, one.where, one.owners) == ((50, 90), (("env", "production"),), ("U2",))


def test_which_runs_a_budget_counts_stays_until_it_is_said_to_be_all(talk: Talk, ledger: Ledger) -> None:
    def saved(limit: str, dimension: str = "", value: str = "") -> str:
        view = modal(talk, home(talk), SET_BUDGET)
        values = {
            FEATURE: picked(talk, view, "agent"),
            "daily": entered("daily", limit),
            VALUE: entered(VALUE, value),
        }
        if dimension:
            option = {"text": {"type": "plain_text", "text": dimension}, "value": dimension}
            values[DIMENSION] = {DIMENSION: {"type": "static_select", "selected_option": option}}
        said = talk.slack.submit(view, values).wait_ack().payload
        return texts(said["view"]["blocks"]) if "view" in said else str(said["errors"])

    assert "may spend $7.00 daily now, env production only." in saved("7", "env", "production")
    assert "may spend $8.00 daily now, env production only." in saved("8")
    assert NO_VALUE_OF_ALL in saved("9", ALL_RUNS, "production")
    assert "may spend $9.00 daily now." in saved("9", ALL_RUNS)
    (kept,) = [one for one in ledger.outbox.set_limits() if (one.feature, one.window) == ("agent-copilot", "daily")]
    assert kept.where == ()


def test_somebody_else_s_budget_cannot_be_changed(talk: Talk, ledger: Ledger) -> None:
    view = modal(talk, home(talk), SET_BUDGET)
    values = {FEATURE: picked(talk, view, "rag"), "weekly": entered("weekly", "5")}
    said = talk.slack.submit(view, values, user="U2").wait_ack().payload
    assert "Only the owners of rag-search" in said["errors"][FEATURE]
    assert not [one for one in ledger.outbox.set_limits() if one.window == "weekly"]


def test_untagged_spend_is_mapped_and_taken_back(talk: Talk) -> None:
    view = modal(talk, home(talk), MAP_UNTAGGED)
    values = {FEATURE: picked(talk, view, "agent"), NAME: entered(NAME, "nothing*"), PROJECT: entered(PROJECT, "")}
    assert "No untagged run" in talk.slack.submit(view, values).wait_ack().payload["errors"][NAME]
    values[NAME] = entered(NAME, "rag_chain*")
    values[PROJECT] = entered(PROJECT, "acme-prod")
    refused = talk.slack.submit(view, values, user="U2").wait_ack().payload
    assert "Only the owners of agent-copilot and the admins" in refused["errors"][FEATURE]
    sure = talk.slack.submit(view, values).wait_ack().payload["view"]
    assert "$0.40 (1 run) of the last 30 days would move to agent-copilot." in texts(sure["blocks"])
    assert "$0.10" in talk.ask("untagged").text
    told = len(talk.slack.messages("U1"))
    talk.slack.submit(view, {}).wait_ack()
    message = talk.slack.wait_messages("U1", told + 1)[-1]
    assert "$0.40 (1 run) of the last 30 days moved" in message["text"]
    assert "rag_chain* in acme-prod belongs to agent-copilot (by U1" in talk.ask("untagged").text
    assert "rag_chain* in acme-prod belongs to agent-copilot (by U1" in talk.ask("status").text
    assert "rag_chain* in acme-prod belongs to agent-copilot" in texts(home(talk)["blocks"])
    talk.slack.click(message, UNDO_RULE, user="U2").wait_responses()
    assert "1 rule set in Slack" in talk.ask("status").text
    shown = home(talk)
    talk.slack.click(shown, UNDO_RULE)
    talk.slack.wait_for(
        lambda: "Rules set in Slack" not in texts((talk.slack.home("U1") or {})["blocks"]), what="a home without it"
    )
    assert "set in Slack" not in talk.ask("status").text


@pytest.mark.parametrize(
    "carried",
    [
        json.dumps(["no-such-feature", None, "*"]), json.dumps(["untagged", None, "*"]), json.dumps(["", None, "*"]),
        json.dumps(["agent-copilot", None, "x" * 2900]), "[" * 2900, "null", "{}", "'; DROP TABLE set_rules; --",
        json.dumps([["agent-copilot"], {"a": 1}, None]),
    ],
)  # fmt: skip
def test_a_forged_mapping_changes_nothing(talk: Talk, ledger: Ledger, carried: str) -> None:
    """Slack gives back what we put into a modal; whoever could change that gains nothing."""
    admin = "U3"  # so often that the others would be asked to wait
    view = modal(talk, home(talk, admin), MAP_UNTAGGED, admin)
    values = {FEATURE: picked(talk, view, "agent"), NAME: entered(NAME, "evals*"), PROJECT: entered(PROJECT, "")}
    assert "view" in talk.slack.submit(view, values, user=admin).wait_ack().payload
    talk.slack.views[view["id"]]["private_metadata"] = carried
    assert talk.slack.submit(view, {}, user=admin).wait_ack().payload["response_action"] == "update"
    message = {"channel": admin, **talk.slack.messages(admin)[-1]} if talk.slack.messages(admin) else None
    assert "$0.10" in talk.ask("untagged", user=admin).text
    with ledger.reading() as reading:
        assert reading.set_rules() == []
    assert message is None or "Something went wrong" not in message["text"]


def test_a_mapping_says_which_days_it_cannot_move(talk: Talk, ledger: Ledger) -> None:
    ledger.prune(date(2020, 1, 1), ZoneInfo("UTC"))
    view = modal(talk, home(talk), MAP_UNTAGGED)
    values = {FEATURE: picked(talk, view, "agent"), NAME: entered(NAME, "rag_chain*"), PROJECT: entered(PROJECT, "")}
    sure = talk.slack.submit(view, values).wait_ack().payload["view"]
    but = "but not before 1 Jan 2020: the runs of those days were pruned."
    assert f"future runs of these names move too, {but}" in texts(sure["blocks"])
    told = len(talk.slack.messages("U1"))
    talk.slack.submit(view, {}).wait_ack()
    message = talk.slack.wait_messages("U1", told + 1)[-1]
    assert f"in the past too, {but}" in message["text"]
    talk.slack.click(message, UNDO_RULE)
    talk.slack.wait_for(lambda: f"untagged again, {but}" in repr(talk.slack.messages("U1")), what="that it is undone")


def test_a_mention_is_answered_in_its_thread_once_however_often_it_comes(talk: Talk) -> None:
    said = mention(talk, "week rag-search", event_id="Ev0SAME")
    said.wait_ack()
    mention(talk, "week rag-search", event_id="Ev0SAME", retry=1).wait_ack()
    later = mention(talk, "status")
    answer, other = replies(talk, "C1", 2)
    assert answer["text"].startswith("rag-search cost $1.70")
    assert answer["thread_ts"] == said.payload["event"]["ts"]
    assert other["thread_ts"] == later.payload["event"]["ts"]


def test_a_direct_message_is_answered_and_bots_are_not(talk: Talk) -> None:
    talk.slack.event("message.im", user="U2", text="today", bot_id="B0OTHER").wait_ack()
    talk.slack.event("message.im", user="U2", text="today", subtype="message_changed").wait_ack()
    said = talk.slack.event("message.im", user="U2", text="wek")
    (answer,) = replies(talk, "U2", 1)
    assert "Did you mean" in answer["text"]
    assert answer["thread_ts"] == said.payload["event"]["ts"]


def test_presses_that_ask_count_like_words_and_those_that_do_something_do_not(talk: Talk) -> None:
    user, slack = "UBUSY", talk.slack
    view = modal(talk, home(talk, user), MAP_UNTAGGED, user)
    asked, spare = talk.ask("week", user=user), talk.ask("today", user=user)
    for _ in range(MOST - 2):
        asked.press("ask:0", value="week by model", user=user).wait_responses()
    shown = asked.text
    assert "Model" in shown
    too_often = f"You have asked {MOST} times within a minute."
    for answer, action in ((asked, "ask:0"), (spare, "upload_csv")):
        (said,) = answer.press(action, user=user).wait_responses()
        assert said["text"].startswith(f"{too_often}\nAsk again in ")
    assert asked.exchange.visible[0]["text"] == shown, "what was there stays"
    assert talk.ask("week", user=user).text.startswith(too_often)
    assert texts(modal(talk, home(talk, user), PREVIEW_DIGEST, user)["blocks"]).startswith(too_often)
    values = {FEATURE: picked(talk, view, "agent"), NAME: entered(NAME, "evals*"), PROJECT: entered(PROJECT, "")}
    wrong = slack.submit(view, values, user=user).wait_ack().payload["errors"]
    assert wrong[NAME].startswith(f"{too_often} Ask again in ")
    spare.share(user=user).wait_responses(2)
    (told,) = [one for one in talk.told() if f"Shared by <@{user}>" in one["text"]]
    assert slack.click(told, "ask_again", user=user).wait_responses()[0]["text"].startswith(too_often)
    assert "cost" in slack.click(told, "ask_again", user="U2").wait_responses()[0]["text"]
    assert modal(talk, home(talk, user), SET_BUDGET, user)["callback_id"] == BUDGET_VIEW


def test_what_was_meant_is_a_button(talk: Talk) -> None:
    answer = talk.ask("week rag-serch")
    pressed = talk.slack.click(answer.exchange, "meant_0")
    pressed.wait_responses()
    assert "rag-search cost $1.70" in answer.text
    assert "actions" in answer.kinds


@pytest.mark.parametrize("where", ["a channel", "a thread", "direct messages"])
def test_what_was_meant_in_a_conversation_is_answered_there_to_whoever_presses_and_once(talk: Talk, where: str) -> None:
    place = "U1" if where == "direct messages" else "C1"
    above = {"thread_ts": mention(talk, "status").payload["event"]["ts"]} if where == "a thread" else {}
    if place == "U1":
        said = talk.slack.event("message.im", text="week rag-serch")
    else:
        said = mention(talk, "week rag-serch", **above)
    thread = above.get("thread_ts", said.payload["event"]["ts"])

    def told(words: str) -> list[Json]:
        found = [one for one in talk.slack.messages(place) if one.get("thread_ts") == thread]
        return [one for one in found if words in one["text"]]

    (shown,) = talk.slack.wait_for(lambda: told("Did you mean"), what="what was meant")
    talk.slack.click(shown, "thread_meant_0", user="UGUEST").wait_responses()
    assert told("rag-search cost") == []
    pressed = talk.slack.click(shown, "thread_meant_0", user="U2")
    (answer,) = talk.slack.wait_for(lambda: told("rag-search cost $1.70"), what="the answer")
    assert answer["thread_ts"] == thread
    talk.slack._send_over_socket(pressed, "interactive", 1)  # Slack hands the same press over again
    talk.slack.click(shown, "thread_meant_0").wait_ack()
    talk.slack.wait_for(lambda: len(told("rag-search cost $1.70")) >= 2, what="the second press")
    assert len(told("rag-search cost $1.70")) == 2
    assert told("Did you mean") == [shown]
    assert pressed.responses == []


@pytest.mark.parametrize("where", ["a channel", "direct messages"])
def test_an_answer_in_a_conversation_leads_on_in_its_thread_and_gives_its_rows_there(talk: Talk, where: str) -> None:
    talk.slack.add_user("UNEW", "nina", "nina@example.com")  # who has not asked too often yet
    place = "UNEW" if where == "direct messages" else "C1"
    if place == "C1":
        said = mention(talk, "week", user="UNEW")
    else:
        said = talk.slack.event("message.im", text="week", user="UNEW")
    thread = said.payload["event"]["ts"]

    def told() -> list[Json]:
        return [one for one in talk.slack.messages(place) if one.get("thread_ts") == thread]

    (shown,) = talk.slack.wait_for(told, what="the answer")
    labels = {one["text"]["text"]: one for block in shown["blocks"] for one in block.get("elements", ())
              if one.get("type") == "button"}  # fmt: skip
    assert list(labels) == ["By model", "By day", "Previous period", "CSV"]
    pressed = talk.slack.click(shown, labels["By model"]["action_id"], user="U2")
    _, by_model = talk.slack.wait_for(lambda: told()[1:] and told(), what="the answer to a press")
    assert "Model" in by_model["text"]
    (select,) = [one for block in by_model["blocks"] for one in block.get("elements", ()) if "options" in one]
    (untagged,) = [one["value"] for one in select["options"] if one["text"]["text"] == "Untagged"]
    talk.slack.click(by_model, select["action_id"], untagged, user="UNEW")
    last = talk.slack.wait_for(lambda: told()[2:], what="the answer to a choice")[0]
    assert "untagged run" in last["text"]
    assert told()[0] == shown, "others read it: it stays"
    files = len(talk.slack.files)
    talk.slack.click(shown, labels["CSV"]["action_id"], user="U2")
    file = talk.slack.wait_for(lambda: talk.slack.files[files:], what="a file")[0]
    assert (file.channel, file.thread_ts) == (shown["channel"], thread)
    assert pressed.responses == []


def test_help_speaks_of_what_is_here(talk: Talk) -> None:
    assert "For example: week agent-copilot" in talk.ask("help").text


@pytest.mark.parametrize(("user", "sentence"), [("UGUEST", GUEST), ("UFAR", STRANGER)])
def test_guests_and_strangers_get_one_sentence_everywhere(talk: Talk, user: str, sentence: str) -> None:
    slack = talk.slack
    assert talk.ask("week", user=user).text == sentence
    assert texts(home(talk, user)["blocks"]) == sentence
    mine = talk.ask("week")
    assert slack.click(mine.exchange, "share_answer", user=user).wait_responses()[0]["text"] == sentence
    said = mention(talk, "week", user=user).payload["event"]["ts"]
    slack.wait_for(lambda: [one for one in replies(talk, "C1") if one["thread_ts"] == said], what="a refusal")
    assert [one["text"] for one in replies(talk, "C1") if one["thread_ts"] == said] == [sentence]
    slack.event("message.im", user=user, text="week")
    assert [one["text"] for one in replies(talk, user, 1)] == [sentence]
    view = modal(talk, home(talk), SET_BUDGET)
    assert slack.suggest(view, PICK_FEATURE, "rag", user=user).wait_ack().payload["options"] == []
    values = {FEATURE: picked(talk, view, "rag"), "weekly": entered("weekly", "5")}
    assert texts(slack.submit(view, values, user=user).wait_ack().payload["view"]["blocks"]) == sentence


def test_viewers_are_those_who_are_named(tmp_path: Path) -> None:
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        slack.add_user("U2", "bob", "bob@example.com")
        slack.add_user("UGUEST", "gus", "gus@example.org", is_guest=True)
        slack.add_group("STEAM", "team", ["UGUEST"])
        traced(langsmith)
        talk = Talk(slack, langsmith, tmp_path, {"LLMCOST_VIEWERS": "STEAM, alice@example.com"})
        talk.sync()
        with talk.running():
            assert "cost" in talk.ask("week").text
            assert "cost" in talk.ask("week", user="UGUEST").text
            assert talk.ask("week", user="U2").text == NOT_NAMED
