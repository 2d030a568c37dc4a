"""The web side: one https port for the page, its acts and its live socket."""
