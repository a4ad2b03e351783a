"""The pipeline: read, check, prescribe, prove, rank; and the Result it makes."""
