"""Jinja's templates for tests: each text is compiled once a process, not once an application."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from jinja2 import Environment


def compiling_once(compile_template: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for ``Environment.compile``: the program has one environment, tests many.

    Args:
        compile_template: The real method. What it makes depends on the text and on how the
            environment reads it, and refuses filters and tests that the environment does not have.
    """
    known: dict[tuple[object, ...], CodeType] = {}

    def compile_once(
        environment: Environment,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        if raw or not isinstance(source, str) or not isinstance(environment.autoescape, bool):
            return compile_template(environment, source, name, filename, raw, defer_init)
        key = (
            *(source, name, filename, defer_init, type(environment)),
            *(environment.autoescape, environment.keep_trailing_newline),
            *(environment.trim_blocks, environment.lstrip_blocks, environment.newline_sequence),
            *(environment.block_start_string, environment.block_end_string),
            *(environment.variable_start_string, environment.variable_end_string),
            *(environment.comment_start_string, environment.comment_end_string),
            *(environment.line_statement_prefix, environment.line_comment_prefix),
            *(frozenset(environment.extensions), frozenset(environment.filters)),
            frozenset(environment.tests),
        )
        if key not in known:
            known[key] = compile_template(environment, source, name, filename, raw, defer_init)
        return known[key]

    return compile_once
