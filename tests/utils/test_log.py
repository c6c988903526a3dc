"""Progress goes to whoever asks for it, and warnings are marked."""

import logging

import pytest

import keras_textcnn
from keras_textcnn.utils.log import collecting_warnings, log_lines, logger, showing


def test_lines_are_shown_inside_and_nowhere_else() -> None:
    lines: list[str] = []
    with showing(lines.append):
        logger.info("epoch 1")
        log_lines(["table", "warning: few texts", "no warning: x"])
    logger.info("epoch 2")
    assert lines == ["epoch 1", "table", "warning: few texts", "no warning: x"]
    assert not logger.isEnabledFor(logging.INFO)


def test_warnings_alone_may_be_collected_while_all_is_shown() -> None:
    lines: list[str] = []
    warnings: list[str] = []
    with showing(lines.append), collecting_warnings(warnings):
        log_lines(["a", "warning: b"])
        logger.warning("c")
    assert (lines, warnings) == (["a", "warning: b", "warning: c"], ["warning: b", "warning: c"])


def test_progress_is_printed_once_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(logger, "propagate", True)
    for _ in range(2):  # asking twice prints nothing twice
        keras_textcnn.show_progress()
    logger.info("epoch 1")
    logger.warning("few texts")
    assert capsys.readouterr().out == "epoch 1\nwarning: few texts\n"


def test_what_is_shown_does_not_reach_other_handlers_too(caplog: pytest.LogCaptureFixture) -> None:
    with showing(lambda line: None):
        logger.warning("shown")
    warnings: list[str] = []
    with collecting_warnings(warnings):
        logger.warning("collected")
    assert [record.message for record in caplog.records] == ["collected"]
    assert warnings == ["warning: collected"]
