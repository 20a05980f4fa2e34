"""What things are: frozen records, no third-party imports, no I/O."""
