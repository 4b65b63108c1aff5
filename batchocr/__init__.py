"""batchocr: folders of PDFs and page images into Markdown, tables, images and visualization PDFs, on every device."""

__version__ = "0.1.0"
