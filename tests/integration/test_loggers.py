"""Loggers that print variables, whatever their names, and how to stop them."""

import io

import pytest
import structlog
from loguru import logger
from rich.console import Console
from servers import SALT, issue_token
from structlog.processors import ExceptionRenderer, JSONRenderer, dict_tracebacks
from structlog.tracebacks import ExceptionDictTransformer

import joat

WITHOUT_LOCALS = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def with_loguru(log, **options):
    sink = logger.add(log, **options)
    logger.exception("a request failed")
    logger.remove(sink)


def with_structlog(log, renderer):
    structlog.wrap_logger(
        structlog.PrintLogger(log), processors=[renderer, JSONRenderer()]
    ).exception("a request failed")


def with_rich(log, **options):
    Console(file=log, width=200).print_exception(**options)


@pytest.mark.parametrize(
    ("write", "option", "printed"),
    [
        pytest.param(with_rich, {"show_locals": True}, True, id="rich, locals"),
        pytest.param(with_rich, {}, False, id="rich"),
        pytest.param(with_loguru, {}, True, id="loguru"),
        pytest.param(with_loguru, {"diagnose": False}, False, id="loguru, no diagnose"),
        pytest.param(
            with_structlog, {"renderer": dict_tracebacks}, True, id="structlog"
        ),
        pytest.param(
            with_structlog,
            {"renderer": WITHOUT_LOCALS},
            False,
            id="structlog, no locals",
        ),
    ],
)
def test_prints_the_token_and_the_salt(write, option, printed):
    log, token = io.StringIO(), issue_token()
    try:
        joat.verify_token(token, salt=[SALT, None])  # a mistake of the server
    except TypeError:
        write(log, **option)
    assert "verify_token" in log.getvalue()
    # They shorten what is long.
    assert [part in log.getvalue() for part in (token[:50], SALT)] == 2 * [printed]
