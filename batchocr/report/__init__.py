"""The HTML report of a run: what happened, from the ledger, and what was read, from the output folders.

It opens no document itself (pictures of pages come from documents' limited child) and writes nothing but the report.
Whatever it shows came out of hostile documents: text is escaped by the templates, Markdown is rendered by
`markdown_html` alone, and the page's Content-Security-Policy lets nothing run but our own script.
"""
