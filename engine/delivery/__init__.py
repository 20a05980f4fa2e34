"""The way out: one attempt to deliver an event, its transport, and when to try again."""
