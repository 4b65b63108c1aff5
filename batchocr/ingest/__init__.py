"""Folders that documents are dropped into: what has settled is read, then kept, moved or deleted.

A door beside the command line: it starts runs through `runs` and opens no document. Nothing here deletes or moves a
file that is not the one that was read, and nothing is ever overwritten in the folders that files are moved to.
"""
