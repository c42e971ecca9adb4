"""Base class of errors caused by user input; commands print them as one line."""


class UserError(ValueError):
    """A mistake of the user; the message says what was wrong, where, and what would be right."""


class ConfigError(UserError):
    """A config or an option that cannot be used; the message names it, and what would be right."""
