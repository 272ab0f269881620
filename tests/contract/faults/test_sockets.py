"""Socket Mode that drops again and again, and envelopes that come twice or late: everybody is answered, nothing is done
twice."""

import time
from pathlib import Path

from tests.e2e.conversation import Talk, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn


def test_between_drops_everybody_is_answered_and_a_share_is_shared_once(tmp_path: Path) -> None:
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        talk = Talk(slack, langsmith, tmp_path)
        traced(langsmith)
        talk.sync()
        with talk.running():
            for number in range(4):
                asked = talk.ask("week")
                assert "$4.20" in asked.text
                if not number:
                    first = asked
                slack.drop_sockets(warning=bool(number % 2))
                slack.wait_connected()
            first.share().wait_responses(2)  # to the channel, and without its button to who shared it
            assert len(slack.wait_messages("C1")) == 1
            # Slack hands the same presses over again, late and by another connection.
            before = len(slack.payloads("response_url"))
            slack.drop_sockets()
            slack.wait_connected()
            for exchange in [one for one in slack._exchanges.values() if one.payload.get("type") == "block_actions"]:
                exchange.ack = None
                slack._send_over_socket(exchange, "interactive", 1)
                exchange.wait_ack()
            assert "$4.20" in talk.ask("week").text
            assert len(slack.messages("C1")) == 1
            assert len(slack.payloads("response_url")) == before + 1


def test_an_envelope_that_is_answered_too_late_harms_nobody(tmp_path: Path) -> None:
    """Its response_url is used up or over: that is logged, and the next question is answered."""
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        talk = Talk(slack, langsmith, tmp_path)
        traced(langsmith)
        talk.sync()
        with talk.running():
            slack.fail_next("response_url", error="expired_url", status=404, times=2)
            slack.command("week").wait_ack()
            deadline = time.monotonic() + 10
            slack.wait_for(lambda: not slack._faults["response_url"], what="both failures")
            assert time.monotonic() < deadline
            assert "$4.20" in talk.ask("week").text
