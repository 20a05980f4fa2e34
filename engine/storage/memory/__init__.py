"""A store in plain dictionaries: the reference for the port, and a database for trying things out."""
