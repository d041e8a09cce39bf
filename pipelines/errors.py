"""The one exception that a visitor may cause."""

from __future__ import annotations


class InputError(ValueError):
    """The visitor's input is at fault.

    `message` is one plain sentence that says what is wrong; `hint` says the way out; `field` names the
    input it is about, in the words of the page.
    """

    def __init__(self, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
