"""Finds inputs, probes them and gives page images, in children with limits. Knows nothing of engines and outputs."""
