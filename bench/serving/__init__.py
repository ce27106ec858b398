"""The benchmark of the feature server."""
