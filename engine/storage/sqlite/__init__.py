"""The store on SQLite. `store.py` is the way in; `migrations/` has the schema."""
