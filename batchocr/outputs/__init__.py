"""Page spool, one writer per format, safe names, and the commit of a document's folder."""
