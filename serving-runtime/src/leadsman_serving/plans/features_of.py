"""From fitted transformers of scikit-learn to the features of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import compose, decomposition, feature_selection, impute, pipeline, preprocessing

from leadsman_serving.plans.features import BESIDE, NUMBERS, WORDS
from leadsman_serving.plans.features_of_words import KEEPS_COLUMNS_APART, NotApart, words_block
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array

Described = dict[str, Any]
_NUMERIC = {"double", "float", "long", "integer", "boolean"}
_SMALLEST_SHARE = 1


class NoFeatures(Exception):
    """A transformer is of another kind; the message says of which."""


class FeaturesOf:
    """Describes transformers, and keeps the arrays that they are made of."""

    def __init__(self, schema: Schema) -> None:
        """`schema` has the columns in the order in which rows come."""
        self._schema = schema
        self.arrays: dict[str, Array] = {}

    def described(self, transformers: Sequence[Any], places: Sequence[int]) -> Described:
        """Transformers that follow each other, over some columns; NoFeatures says of what."""
        steps = [one for one in transformers if one is not None and one != "passthrough"]
        words = self._words(steps, places)
        if words is not None:
            return words
        first, *others = steps or [None]
        made = self._first(first, places)
        for other in others:
            made = self._then(made, other)
        return made

    def keep(self, array: Any) -> str:  # noqa: ANN401 - what NumPy takes
        """Keep an array; gives its name."""
        name = f"a{len(self.arrays)}"
        self.arrays[name] = np.asarray(array)
        return name

    def _first(self, transformer: Any, places: Sequence[int]) -> Described:  # noqa: ANN401
        if isinstance(transformer, pipeline.Pipeline):
            return self.described([step for _, step in transformer.steps], places)
        if isinstance(transformer, compose.ColumnTransformer):
            return _beside(self._parts_of_columns(transformer, places))
        if isinstance(transformer, pipeline.FeatureUnion):
            if transformer.transformer_weights:
                raise NoFeatures("a union with weights is not built")
            parts = [one for _, one in transformer.transformer_list if one != "drop"]
            return _beside([self.described([one], places) for one in parts])
        strange = [one for one in places if self._schema.columns[one].type not in _NUMERIC]
        if strange:
            column = self._schema.columns[strange[0]]
            what = "passed on" if transformer is None else f"for {type(transformer).__name__}"
            raise NoFeatures(f"column {column.name!r} of type {column.type} {what} is not built")
        made = {"kind": NUMBERS, "places": list(places), "steps": []}
        return made if transformer is None else self._then(made, transformer)

    def _then(self, made: Described, transformer: Any) -> Described:  # noqa: ANN401
        """What is there, with a transformer of numbers applied to all of it."""
        if isinstance(transformer, pipeline.Pipeline):
            for _, step in transformer.steps:
                made = self._then(made, step)
            return made
        if transformer is None or transformer == "passthrough":
            return made
        of = _STEPS.get(type(transformer))
        if of is None:
            raise NoFeatures(f"{type(transformer).__name__} is not built")
        if made["kind"] == WORDS:
            made = _beside([made])
        steps = [[name, *map(self.keep, operands)] for name, *operands in of(transformer)]
        return {**made, "steps": [*made["steps"], *steps]}

    def _parts_of_columns(self, columns: Any, places: Sequence[int]) -> list[Described]:  # noqa: ANN401
        """The transformers of a ColumnTransformer with the places of their columns."""
        inputs = columns._transformer_to_input_indices  # noqa: SLF001 - has no other name
        made = []
        for name, transformer, _ in columns.transformers_:
            width = columns.output_indices_[name]
            if transformer == "drop" or width.stop == width.start:
                continue
            if columns.transformer_weights and name in columns.transformer_weights:
                raise NoFeatures("columns with weights are not built")
            made.append(self.described([transformer], [places[one] for one in inputs[name]]))
        return made

    def _words(self, steps: Sequence[Any], places: Sequence[int]) -> Described | None:
        """A table for transformers of categories, where each column goes its own way."""
        inner = list(_inner(steps))
        if not any(hasattr(one, "categories_") for one in inner):
            return None
        if not all(type(one) in KEEPS_COLUMNS_APART for one in inner):
            return None
        try:
            return words_block(steps, self._schema, places, self.keep)
        except NotApart as error:
            raise NoFeatures(str(error)) from error


def _inner(steps: Sequence[Any]) -> Iterator[Any]:
    for step in steps:
        if isinstance(step, pipeline.Pipeline):
            yield from _inner([one for _, one in step.steps])
        elif step is not None and step != "passthrough":
            yield step


def _beside(blocks: list[Described]) -> Described:
    if not blocks:
        raise NoFeatures("it drops every column")
    return {"kind": BESIDE, "blocks": blocks, "steps": []}


Steps = Iterator[tuple[Any, ...]]
"""The name of an operation, and the arrays that belong to it."""


def _standard(scaler: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if scaler.with_mean:
        yield "subtract", scaler.mean_
    if scaler.with_std:
        yield "divide", scaler.scale_


def _robust(scaler: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if scaler.with_centering:
        yield "subtract", scaler.center_
    if scaler.with_scaling:
        yield "divide", scaler.scale_


def _to_range(scaler: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    yield "multiply", scaler.scale_
    yield "add", scaler.min_
    if scaler.clip:
        yield "clip", scaler.feature_range[0], scaler.feature_range[1]


def _to_largest(scaler: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    yield "divide", scaler.scale_
    if getattr(scaler, "clip", False):
        yield "clip", -1.0, 1.0


def _imputed(imputer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if not _is_nan(imputer.missing_values):
        raise NoFeatures("an imputer of other values than missing ones is not built")
    fill = np.asarray(imputer.statistics_, np.float64)
    known = ~np.isnan(fill)
    if imputer.indicator_ is not None:
        if not known.all():
            raise NoFeatures("an imputer that tells of gaps in an empty column is not built")
        yield "fill_and_tell", fill, imputer.indicator_.features_
        return
    if not known.all():
        yield "take", np.flatnonzero(known)
    yield "fill", fill[known]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _chosen(selector: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    yield "take", np.flatnonzero(selector.get_support())


def _function(transformer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    """One of NumPy's own functions, by its name; none is the identity."""
    if transformer.kw_args:
        raise NoFeatures("a function with arguments is not built")
    if transformer.func is None:
        return
    name = getattr(transformer.func, "__name__", "")
    if not isinstance(transformer.func, np.ufunc) or transformer.func is not getattr(np, name):
        raise NoFeatures(f"the function {name or transformer.func} is not built")
    yield (name,)


def _components(analysis: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    vectors = analysis.components_.T
    yield "project", vectors, analysis.mean_.reshape(1, -1) @ vectors
    if analysis.whiten:
        smallest = np.finfo(analysis.explained_variance_.dtype).eps
        yield "divide", np.maximum(np.sqrt(analysis.explained_variance_), smallest)


def _decomposed(decomposition: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    yield "project", decomposition.components_.T, 0.0


def _power(transformer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if transformer.method != "yeo-johnson":
        raise NoFeatures(f"a power transformer by {transformer.method} is not built")
    yield "power", transformer.lambdas_
    if transformer.standardize:
        yield from _standard(transformer._scaler)  # noqa: SLF001 - has no other name


def _ranks(transformer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if transformer.output_distribution != "uniform":
        raise NoFeatures(f"quantiles of a {transformer.output_distribution} one are not built")
    yield "rank", transformer.quantiles_, transformer.references_


def _bins(discretizer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    inner = [edges[1:-1] for edges in discretizer.bin_edges_]
    edges = np.full((len(inner), max(map(len, inner))), np.inf)
    for place, known in enumerate(inner):
        edges[place, : len(known)] = known
    yield "bin", edges
    if discretizer.encode != "ordinal":
        counts = discretizer.n_bins_.tolist()
        codes = np.concatenate([np.arange(count) for count in counts])
        yield "tell_apart", np.repeat(np.arange(len(counts)), counts), codes


def _binarized(binarizer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    yield "above", float(binarizer.threshold)


def _polynomial(products: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    longest = int(products.powers_.sum(axis=1).max(initial=0))
    factors = np.full((len(products.powers_), longest), -1)
    for line, powers in enumerate(products.powers_):
        places = np.repeat(np.arange(len(powers)), powers)
        factors[line, : len(places)] = places
    yield "multiply_out", factors


def _normalized(normalizer: Any) -> Steps:  # noqa: ANN401 - of scikit-learn
    if normalizer.norm not in ("l1", "l2"):
        raise NoFeatures(f"a normalizer by {normalizer.norm} is not built")
    yield "scale_to_length", 1 if normalizer.norm == "l1" else 2


_STEPS: dict[type, Callable[[Any], Steps]] = {
    preprocessing.StandardScaler: _standard,
    preprocessing.RobustScaler: _robust,
    preprocessing.MinMaxScaler: _to_range,
    preprocessing.MaxAbsScaler: _to_largest,
    preprocessing.FunctionTransformer: _function,
    preprocessing.PolynomialFeatures: _polynomial,
    preprocessing.Normalizer: _normalized,
    preprocessing.PowerTransformer: _power,
    preprocessing.QuantileTransformer: _ranks,
    preprocessing.KBinsDiscretizer: _bins,
    preprocessing.Binarizer: _binarized,
    impute.SimpleImputer: _imputed,
    decomposition.PCA: _components,
    decomposition.TruncatedSVD: _decomposed,
    feature_selection.SelectKBest: _chosen,
    feature_selection.SelectPercentile: _chosen,
    feature_selection.SelectFromModel: _chosen,
    feature_selection.RFE: _chosen,
    feature_selection.RFECV: _chosen,
    feature_selection.VarianceThreshold: _chosen,
    feature_selection.SelectFpr: _chosen,
    feature_selection.SelectFdr: _chosen,
    feature_selection.SelectFwe: _chosen,
    feature_selection.GenericUnivariateSelect: _chosen,
    feature_selection.SequentialFeatureSelector: _chosen,
}


def is_sparse(transformers: Any, frame: Any) -> bool:  # noqa: ANN401 - of scikit-learn, of pandas
    """Whether the model is given a matrix that leaves its zeros out."""
    return bool(sparse.issparse(transformers.transform(frame)))
