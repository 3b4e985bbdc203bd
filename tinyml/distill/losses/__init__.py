"""What a dream or a student is asked to be close to: one loss a file, shared by all methods."""
