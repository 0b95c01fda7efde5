"""The operator: observes MediaAssets, plans their passes and writes their status."""
