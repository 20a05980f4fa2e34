"""The promises of `engine/storage/port.py`, as tests that every store has to pass.

A store's test file imports all of them, and has a fixture `store` that gives an open store.
"""

# ruff: noqa: F403

from tests.storage.conformance_delivery import *
from tests.storage.conformance_firing import *
from tests.storage.conformance_ledger import *
from tests.storage.conformance_life import *
from tests.storage.conformance_rollups import *
from tests.storage.conformance_triggers import *
