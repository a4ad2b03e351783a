"""Problems of how the system is cut into parts."""
