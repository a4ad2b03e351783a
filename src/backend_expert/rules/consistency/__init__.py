"""Problems that lose, repeat or mix up what was written."""
