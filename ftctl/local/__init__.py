"""The local Azure: a server that answers like Azure's own, for laptops and tests."""
