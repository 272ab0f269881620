"""Who reads digests: channels, whatever they are called where they are configured."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.domain.catalog import Catalog
from bot.slack.api import RefusedError, UnconfirmedError

_log = logging.getLogger(__name__)


class Audience(NamedTuple):
    """Who reads one digest: the id of a channel (as it is configured, if Slack does not say), every way in which it is
    configured, and the features that its digest is about; None for everything."""

    id: str
    written: tuple[str, ...]
    features: tuple[str, ...] | None

    @property
    def names(self) -> frozenset[str]:
        """What it is known by."""
        return frozenset((self.id, *self.written))


def audiences(catalog: Catalog, of_everything: str | None, channel_id: Callable[[str], str]) -> list[Audience]:
    """The channels that get a digest, each once however often and in whatever way it is configured. One that is
    to get the digest of everything and that of features gets the first alone: the features are in there."""
    of_features = [
        (one.channel, one.name) for one in catalog.features.values() if one.digest and one.channel is not None
    ]
    first = [of_everything] if of_everything is not None else []
    ids = _ids([*first, *(channel for channel, _ in of_features)], channel_id)
    found = {ids[channel]: Audience(ids[channel], (channel,), None) for channel in first}
    for channel, name in of_features:
        id_, written, features = found.get(ids[channel], Audience(ids[channel], (), ()))
        found[id_] = Audience(id_, (*written, channel), (*features, name) if features is not None else None)
    return list(found.values())


def _ids(channels: Sequence[str], channel_id: Callable[[str], str]) -> dict[str, str]:
    """The id of each, or itself where Slack does not say: whoever sends finds out, and sends one to each place.
    After one that Slack lets hang nobody asks about the others."""
    found = {channel: channel for channel in channels}
    for channel in found:
        try:
            found[channel] = channel_id(channel)
        except RefusedError as error:
            _log.info("a channel could not be looked up: %s", error)
        except UnconfirmedError as error:
            _log.info("channels could not be looked up: %s", error)
            break
    return found
