"""Problems that let the wrong people in or the data out."""
