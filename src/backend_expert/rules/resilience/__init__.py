"""Problems that let one failure spread or last."""
