import pytest

# Tests that are not in files named test_* would otherwise fail without showing the values they compared.
for _part in ("delivery", "firing", "ledger", "life", "rollups", "triggers"):
    pytest.register_assert_rewrite(f"tests.storage.conformance_{_part}")
