"""Problems of how the system is built, rolled out and watched."""
