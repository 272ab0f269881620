"""The kinds of answers to questions. Beside them stands the digest, which belongs to a morning."""

from bot.reports.answers import FeatureList, Help, Report, Status, UntaggedList
from bot.reports.audited import Audit
from bot.reports.budgets import BudgetList
from bot.reports.traced import TraceReport
from bot.reports.verified import Verification

Answer = Report | FeatureList | UntaggedList | TraceReport | Status | BudgetList | Verification | Audit | Help
