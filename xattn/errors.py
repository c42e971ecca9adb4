"""What a user did that cannot work. The commands print it as one line, without a traceback."""


class UserError(ValueError):
    """A mistake of the user's; the message says what was wrong, where, and what would be right."""
