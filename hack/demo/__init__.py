"""The demo: from a bare machine to a published asset, on a real cluster."""
