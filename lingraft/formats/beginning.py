"""SQuAD's nested JSON that is cut in the middle: as much of it as is whole."""

import re

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)
_PARAGRAPH = ["{", "[", "{", "["]
"""What is open after a paragraph's end: the object, its data, an article, its paragraphs."""
_CLOSED = "]}]}"


def whole_paragraphs(text: str) -> str:
    """The JSON with its last, half paragraph left out and everything closed.

    Args:
        text: The beginning of a JSON text.

    Returns:
        JSON; empty where no paragraph is whole. Of a text that is certainly something else,
        JSON that is something else too.
    """
    open_: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == '"':  # a string that is cut
            break
        if token == "[" and not open_:
            return "[]"
        if token in "{[":
            open_.append(token)
        elif token in "}]" and open_:
            open_.pop()
            if token == "}" and open_ == _PARAGRAPH:
                end = found.end()
            if not open_:  # a value ended where one of a cut text cannot end
                return text
    return text[:end] + _CLOSED if end else ""
