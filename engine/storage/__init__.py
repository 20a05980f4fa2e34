"""Where triggers and events are kept. `port.py` is the contract; the folders beside it keep it."""
