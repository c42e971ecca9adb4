"""Pictures of what a model looks at: in the terminal and on paper."""
