"""What a person asks a rollout for, once, and what came of it.

A command stands in the spec until the next one takes its place; its id in the status says that
it was dealt with, so that applying it again does nothing.
"""

from __future__ import annotations

from leadsman_api.contract import Contract
from leadsman_api.values import Count, Sentence, Time, Word
from leadsman_api.vocabulary import Term


class Verb(Term):
    """What can be asked for."""

    PAUSE = "Pause", "stop the rollout where it stands."
    RESUME = "Resume", "go on after Pause, as if no time had passed."
    PROMOTE = "Promote", "end this step now and ask for the next; in the bake, end the bake."
    PROMOTE_FULL = "PromoteFull", "skip all steps that are left; the bake stays."
    ABORT = "Abort", "give all traffic back to the stable revision."
    RETRY = "Retry", "try a revision again that was rolled back."
    ROLL_BACK = "RollBack", "go back to a revision that is still kept."


class Command(Contract):
    """One thing that a person asks for, once."""

    id: Word
    """Any text that no other command has: each id is dealt with once."""
    verb: Verb
    """What is asked for."""
    revision: Word
    """Revision that is meant: the candidate, for Retry the blocked one, for RollBack the goal."""
    step: Count | None = None
    """Number of the step that Promote is meant for; any step when left out."""
    by: Word
    """User name of who asks, as they give it; `kubectl leadsman` asks the API server for it."""
    at: Time | None = None
    """When it was asked for."""
    because: Sentence | None = None
    """Why, for those who read the history."""


class Outcome(Term):
    """What came of a command."""

    DONE = "Done", "it was carried out, or was true already."
    REFUSED = "Refused", "it could not be carried out; the message says what to do instead."


class CommandAnswer(Contract):
    """What came of a command."""

    id: Word
    """The command's id."""
    verb: Verb
    """What was asked for."""
    revision: Word
    """Revision that was meant."""
    by: Word
    """Who asked."""
    at: Time
    """When it was dealt with."""
    outcome: Outcome
    """What came of it."""
    message: Sentence
    """What was done, or why not and what to do instead."""
