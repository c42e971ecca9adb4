"""Pictures of attention maps: in the terminal, as figures, and as an HTML page."""
