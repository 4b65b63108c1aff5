"""The engine `paddlex`: any PaddleX pipeline that reads page images, by its registered name or its YAML file.

No module here imports paddle, paddlex or paddleocr before they are wanted.
"""
