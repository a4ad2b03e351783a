"""Problems that grow with traffic or with data."""
