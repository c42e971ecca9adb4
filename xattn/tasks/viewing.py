"""`xattn view`: what every word of a translation looks at."""

