"""What the engines `paddleocr-vl` and `paddlex` share. Importing this package imports nothing of Paddle."""
