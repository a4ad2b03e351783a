"""Every model of the seeded corpus gives the verdict, the depth and the faults that its template promises."""

import corpus
import pytest

from backend_expert.lab.states import explore, parse_flow

MODELS = [(anomaly, kind, flow) for anomaly in corpus.CLASSES for kind in corpus.KINDS for flow in corpus.FLOWS]


def test_corpus_is_complete() -> None:
    assert len(corpus.CLASSES) == 12
    assert len(MODELS) == 180


@pytest.mark.parametrize(("anomaly", "kind", "flow"), MODELS)
def test_model_gives_what_its_template_promises(anomaly: str, kind: str, flow: str) -> None:
    verdict = explore(parse_flow(corpus.text_of(anomaly, kind, flow), f"{anomaly}.{kind}.yaml"))
    promised = corpus.expected(anomaly, kind, flow)
    answer = verdict.answer(anomaly)
    assert answer.depth == promised.depth
    assert answer.verdict == ("none" if promised.depth is None else "violated")
    if answer.history is not None:
        assert answer.history.faults == promised.faults


@pytest.mark.parametrize("anomaly", corpus.CLASSES)
def test_only_bad_models_promise_a_history(anomaly: str) -> None:
    assert corpus.expected(anomaly, "bad", "order").depth is not None
    assert corpus.expected(anomaly, "fixed", "order").depth is None
    assert corpus.expected(anomaly, "tricky-good", "order").depth is None


@pytest.mark.parametrize("anomaly", corpus.CLASSES)
def test_histories_fit_a_drawing(anomaly: str) -> None:
    for flow in corpus.FLOWS:
        answer = explore(parse_flow(corpus.text_of(anomaly, "bad", flow))).answer(anomaly)
        assert answer.history is not None
        assert answer.history.depth <= 25
