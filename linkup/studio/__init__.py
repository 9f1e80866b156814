"""The studio: applies what the show decides to media, program and record."""
