"""Puts questions to a model: one alone, or several with one call.

Runs where the model runs. Nobody's rows touch another's answer: what can't be joined is asked
apart, and when a call fails its halves are asked again, until whoever is to blame fails alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

from leadsman_serving.joined import apart, joined, kind_of, length
from leadsman_serving.model import Model
from leadsman_serving.question import Predicted, Question
from leadsman_serving.table import Table

Outcome: TypeAlias = "bytes | Exception"
"""The body of an answer, or what was wrong with the question."""


def answers(model: Model, questions: Sequence[Question]) -> list[Outcome]:
    """An outcome for each; several have no parameters, and want shares all or none."""
    outcomes: dict[int, Outcome] = {}
    tables: dict[int, Table] = {}
    for place, question in enumerate(questions):
        try:
            tables[place] = question.table()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            outcomes[place] = error
    kinds: dict[Hashable, list[int]] = {}
    for place, table in tables.items():
        kind = kind_of(table) if len(questions) > 1 else None
        kinds.setdefault(kind, []).append(place)
    for places in kinds.values():
        outcomes |= _answered(model, questions, tables, places)
    return [outcomes[place] for place in range(len(questions))]


def _answered(
    model: Model, questions: Sequence[Question], tables: dict[int, Table], places: list[int]
) -> dict[int, Outcome]:
    """Ask for those at these places; theirs are tables of one kind."""
    try:
        predicted = _predicted(model, questions[places[0]], [tables[place] for place in places])
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        if len(places) == 1:
            return {places[0]: error}
        half = len(places) // 2
        return _answered(model, questions, tables, places[:half]) | _answered(
            model, questions, tables, places[half:]
        )
    return {
        place: _written(questions[place], one) for place, one in zip(places, predicted, strict=True)
    }


def _predicted(model: Model, question: Question, tables: Sequence[Table]) -> list[Predicted]:
    table = joined(tables)
    values = model.predict(table, question.params)
    shares = model.probabilities(table) if question.wants_shares else None
    if len(tables) == 1:
        return [Predicted(values, shares)]
    lengths = [length(one) for one in tables]
    by_table = apart(shares, lengths) if shares is not None else [None] * len(tables)
    return [Predicted(*both) for both in zip(apart(values, lengths), by_table, strict=True)]


def _written(question: Question, predicted: Predicted) -> Outcome:
    try:
        return question.written(predicted)
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        return error
