"""The embedded engine: PP-OCR on the CPU, with weights that come in a wheel and no download.

`engine.py` is the engine that the registry loads. It reads lines (text layer, or detection and recognition) and hands
them to `layout.py`, which finds tables, figures, headings and the reading order. This module imports nothing, so that
listing engines stays light.
"""
