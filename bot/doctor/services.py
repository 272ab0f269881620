"""Checks of what is outside: Slack and LangSmith."""

from collections.abc import Callable, Collection, Iterable, Sequence

from bot.domain.catalog import BudgetInForce
from bot.ingest.selection import Project
from bot.render.numbers import plural
from bot.reports.findings import Finding, Verdict
from bot.slack.api import RefusedError, SlackApi
from bot.slack.scopes import SCOPES
from bot.slack.standing import Auth

_FEW = 3


def check_slack(auth: Callable[[], Auth]) -> Finding:
    """Whether Slack takes the token, and whether it may do all that is needed."""
    try:
        found = auth()
    except RefusedError as error:
        todo = "Copy SLACK_BOT_TOKEN anew from your app's OAuth & Permissions."
        return Finding("Slack", Verdict.BROKEN, str(error), todo)
    who = f"{found.user} in {found.team}"
    if found.scopes is None:
        return Finding("Slack", Verdict.WARNING, f"{who}; Slack does not say which scopes it has.", "Compare them.")
    missing = sorted(set(SCOPES) - found.scopes)
    if missing:
        needed = "; ".join(f"{scope} (to {SCOPES[scope]})" for scope in missing)
        todo = "Take them over from manifest.yml and install the app anew."
        return Finding("Slack", Verdict.BROKEN, f"{who}, without {needed}.", todo)
    return Finding("Slack", Verdict.OK, f"{who}, with all {len(SCOPES)} scopes.")


def check_channels(names: Sequence[str], find: Callable[[str], str], has_joined: Callable[[str], bool]) -> Finding:
    """Whether the bot is in every channel that something is to be posted in. `find` gives a channel's id."""
    if not names:
        return Finding("channels", Verdict.OK, "None is named in the settings.")
    wrong: list[str] = []
    for name in names:
        try:
            if not has_joined(find(name)):
                wrong.append(f"{name} (not a member)")
        except RefusedError as error:
            wrong.append(f"{name} ({error.code})")
    if wrong:
        todo = "Say /invite @llmcost there, or correct the names; a private channel is given by its id."
        return Finding("channels", Verdict.BROKEN, f"Cannot post in {few(wrong)}.", todo)
    return Finding("channels", Verdict.OK, f"In {few(names)}.")


def check_langsmith(find: Callable[[], tuple[list[Project], list[str]]]) -> Finding:
    """Whether LangSmith takes the key, and has the projects that are to be read."""
    found, missing = find()
    if missing:
        return Finding("LangSmith", Verdict.BROKEN, " ".join(missing))
    names = few([project.name for project in found])
    return Finding("LangSmith", Verdict.OK, f"It takes the key and shows {plural(len(found), 'project')}: {names}.")


def check_named(admins: Sequence[str]) -> Finding:
    """Whether there are admins at all."""
    if not admins:
        todo = "Set LLMCOST_ADMINS, or nobody hears of outages and of alerts that reach nobody."
        return Finding("admins", Verdict.WARNING, "There are none.", todo)
    return Finding("admins", Verdict.OK, f"{plural(len(admins), 'admin')}.")


def check_admins(admins: Sequence[str], api: SlackApi | None) -> Finding:
    """Whether anybody hears of trouble."""
    if not admins:
        return check_named(admins)
    if api is None:
        return not_looked_up("admins")
    if wrong := unreachable(admins, api):
        return Finding("admins", Verdict.BROKEN, f"Slack cannot reach {few(wrong)}.", "Correct LLMCOST_ADMINS.")
    return check_named(admins)


def check_owned(budgets: Sequence[BudgetInForce]) -> Finding:
    """Whether every budget has an owner at all."""
    if alone := list(dict.fromkeys(one.budget.feature for one in budgets if not one.owners)):
        todo = "Give them an `owner` in llmcost.toml; until then channels and admins are told."
        return Finding("budgets", Verdict.WARNING, f"Nobody owns {few(alone)}.", todo)
    return Finding("budgets", Verdict.OK, f"{plural(len(budgets), 'budget')}, each with an owner.")


def check_owners(budgets: Sequence[BudgetInForce], api: SlackApi | None) -> Finding:
    """Whether somebody can be told about every budget. Without budgets Slack need not be asked."""
    if not budgets:
        return Finding("budgets", Verdict.OK, "There are none.")
    if api is None:
        return not_looked_up("budgets")
    wrong = unreachable(dict.fromkeys(owner for one in budgets for owner in one.owners), api)
    lost = {person.partition(" ")[0] for person in wrong}
    of = [one.budget.feature for one in budgets if lost & set(one.owners)]
    if wrong:
        todo = "Correct `owner` in llmcost.toml; until then others are told instead."
        features = few(list(dict.fromkeys(of)))
        return Finding("budgets", Verdict.BROKEN, f"Slack cannot reach {few(wrong)}, owner of {features}.", todo)
    owned = check_owned(budgets)
    if owned.verdict is not Verdict.OK:
        return owned
    return Finding("budgets", Verdict.OK, f"{plural(len(budgets), 'budget')}, every owner is reachable.")


def not_looked_up(name: str) -> Finding:
    """Slack cannot be asked about anybody."""
    return Finding(name, Verdict.WARNING, "Not checked, see Slack.")


def unreachable(people: Iterable[str], api: SlackApi) -> list[str]:
    """Those of them (ids, email addresses, groups) whom Slack does not find, or who have left, each with the reason."""
    wrong = []
    for one in people:
        try:
            if one.startswith("S") and "@" not in one:
                problem = None if api.members(one) else "an empty group"
            else:
                problem = None if api.person(one).reachable else "has left, or is a bot"
        except RefusedError as error:
            problem = error.code
        if problem is not None:
            wrong.append(f"{one} ({problem})")
    return wrong


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    shown = list(names)[:_FEW]
    more = [f"{len(names) - _FEW} more"] if len(names) > _FEW else []
    return ", ".join([*shown, *more])
