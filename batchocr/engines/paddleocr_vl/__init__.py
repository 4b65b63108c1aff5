"""The engine `paddleocr-vl`: the document parser PaddleOCR-VL. Importing this package imports nothing of Paddle."""
