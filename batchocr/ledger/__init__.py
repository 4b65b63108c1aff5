"""The SQLite file of runs, documents, pages and attempts. The only room that speaks SQL."""
