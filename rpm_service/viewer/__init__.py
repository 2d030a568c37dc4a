"""A clinician's side of the stream, for terminals and programs: a client, not an application."""
