"""What was used as a document: tiles, series, tables and charts of the frames of `chatcore.analytics`, for pages, files and terminals."""
