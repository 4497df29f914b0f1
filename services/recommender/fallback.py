"""Why an answer is less than a personal one, in one word for the caller."""

from services.recommender.answers import Fallback


def reason(*, is_named: bool, is_known: bool, has_history: bool) -> Fallback | None:
    """The fallback's name, or None for a personal answer.

    The model itself answers in every case: without a history it says what is popular in the
    context. `unknown-user`: nothing is known of the user. `history-only`: the user is unknown, but
    a history came with the request. `no-history`: no user was named, or one without interactions.

    Args:
        is_named: The request names a user.
        is_known: The online store knows that user.
        has_history: At least one known item is in the history that was scored.
    """
    if is_named and not is_known:
        return "history-only" if has_history else "unknown-user"
    return None if has_history else "no-history"
