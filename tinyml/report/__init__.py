"""The report: records of finished steps, linked by the hashes of what they read, as a table and a page."""
