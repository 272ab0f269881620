"""How Slack is called over TLS."""

import ssl

from bot.slack.connection import plain_client
from bot.slack.tls import trust


def test_authorities_are_read_once_for_all_connections_and_every_server_is_checked() -> None:
    clients = [plain_client(token, "https://slack.com/api/") for token in ("xoxb-one", "xoxb-two")]
    assert clients[0].ssl is clients[1].ssl is trust()
    assert trust().verify_mode is ssl.CERT_REQUIRED
    assert trust().check_hostname
