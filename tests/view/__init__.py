"""The view, from a document in the stream to an answer."""
