"""Problems of the interface that a service offers to its callers."""
